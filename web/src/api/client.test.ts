// Against a real HTTP server on a free port.
// @vitest-environment happy-dom
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { http, withQuery } from './client'
import { ApiError } from './errors'

let server: Server
let base: string
let handler: (request: IncomingMessage, response: ServerResponse) => void

beforeEach(async () => {
  server = createServer((request, response) => handler(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  ;(window as unknown as { happyDOM: { setURL: (url: string) => void } }).happyDOM.setURL(base)
})
afterEach(() => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})

const failure = (call: Promise<unknown>): Promise<ApiError> =>
  call.then(
    () => Promise.reject(new Error('it should have failed')),
    (error: unknown) => error as ApiError,
  )

it('gives the JSON of an answer, and null where there is none', async () => {
  handler = (request, response) => {
    if (request.method === 'DELETE') return response.writeHead(204).end()
    return response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":1}')
  }
  expect(await http.get(`${base}/api/x`)).toEqual({ a: 1 })
  expect(await http.delete(`${base}/api/x`)).toBeNull()
})

it('never sends half an emoji', async () => {
  let body = ''
  handler = (request, response) => {
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => response.writeHead(204).end())
  }
  await http.post(`${base}/api/x`, { title: '甜🍊'.slice(0, 2), parts: ['🍊'] })
  expect(body).toBe('{"title":"甜","parts":["🍊"]}')
})

it('turns a problem into its code, detail and status', async () => {
  handler = (_request, response) =>
    response.writeHead(409, { 'content-type': 'application/problem+json' }).end('{"code":"out_of_stock","detail":"none left","status":409}')
  const error = await failure(http.post(`${base}/api/orders`, {}))
  expect(error).toBeInstanceOf(ApiError)
  expect([error.code, error.detail, error.status, error.transient]).toEqual(['out_of_stock', 'none left', 409, false])
})

it('says unavailable when a proxy answers with a page', async () => {
  handler = (_request, response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>')
  const error = await failure(http.get(`${base}/api/x`))
  expect([error.code, error.transient]).toEqual(['unavailable', true])
})

it('gives up after its time', async () => {
  handler = () => undefined
  expect((await failure(http.get(`${base}/api/x`, { timeoutMs: 50 }))).code).toBe('timeout')
})

it('says offline when nobody answers', async () => {
  handler = (request) => request.socket.destroy()
  expect((await failure(http.get(`${base}/api/x`))).code).toBe('offline')
})

it('leaves empty fields out of the query and escapes the rest', () => {
  expect(withQuery('/api/lessons', { q: '' })).toBe('/api/lessons')
  expect(withQuery('/api/lessons', { q: 'a b&c', merchant_id: undefined })).toBe('/api/lessons?q=a+b%26c')
})
