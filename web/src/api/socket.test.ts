// @vitest-environment node
// Against a real Socket.IO server on a free port.
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket as ServerSocket } from 'socket.io'
import { io } from 'socket.io-client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { RoomLink } from './socket'

let httpServer: HttpServer
let server: Server
let link: RoomLink
let release: () => void
let joined: ServerSocket[]

beforeEach(async () => {
  httpServer = createServer()
  server = new Server(httpServer)
  joined = []
  server.of('/room').on('connection', (socket) => {
    joined.push(socket)
    socket.on('like', (_fields, ack) => ack({ ok: true, data: {} }))
    socket.on('chat', (_fields, ack) => ack({ ok: false, error: 'sign_in_required', detail: 'sign in' }))
  })
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
  const { port } = httpServer.address() as AddressInfo
  link = new RoomLink(() => io(`http://127.0.0.1:${port}/room`, { autoConnect: false, forceNew: true, reconnectionDelay: 10 }))
  release = link.hold()
})
afterEach(async () => {
  release()
  await server.close()
})

const open = () => vi.waitFor(() => expect(link.state).toBe('open'))

it('answers a call with the data of its ack', async () => {
  await open()
  expect(await link.send('like', { count: 1 })).toEqual({})
})

it('turns a refusing ack into its code', async () => {
  await open()
  await expect(link.send('chat', { text: 'hi' })).rejects.toMatchObject({ code: 'sign_in_required', detail: 'sign in' })
})

it('gives up on an ack that never comes', async () => {
  await open()
  await expect(link.send('unpin', {}, 30)).rejects.toMatchObject({ code: 'timeout' })
})

it('refuses a call while there is no connection', async () => {
  release()
  await expect(link.send('like', { count: 1 })).rejects.toMatchObject({ code: 'offline' })
})

it('hands events to whoever listens, until they stop', async () => {
  const seen: number[] = []
  const stop = link.on('viewers', ({ count }) => seen.push(count))
  await open()
  server.of('/room').emit('viewers', { count: 7 })
  await vi.waitFor(() => expect(seen).toEqual([7]))
  stop()
  const later = vi.fn()
  link.on('likes', later)
  server.of('/room').emit('viewers', { count: 8 })
  server.of('/room').emit('likes', { total: 1 })
  await vi.waitFor(() => expect(later).toHaveBeenCalled())
  expect(seen).toEqual([7])
})

it('runs what must be done after every connection, also after a lost one', async () => {
  const opened = vi.fn()
  link.onOpen(opened)
  await open()
  expect(opened).toHaveBeenCalledTimes(1)
  joined[0]?.conn.close()
  await vi.waitFor(() => expect(opened).toHaveBeenCalledTimes(2))
})

it('comes back when the server had refused it because its database was away', async () => {
  let away = true
  const refused = vi.fn()
  server.of('/room').use((_socket, next) => {
    if (!away) return next()
    refused()
    next(new Error('unavailable'))
  })
  await vi.waitFor(() => expect(refused).toHaveBeenCalled())
  expect(link.state).toBe('connecting')
  away = false
  await vi.waitFor(() => expect(link.state).toBe('open'))
})

it('connects anew when somebody else has signed in', async () => {
  await open()
  link.reconnect()
  await vi.waitFor(() => expect(joined.length).toBe(2))
  await open()
})

it('closes when the last part of the page lets go', async () => {
  await open()
  const second = link.hold()
  release()
  expect(link.state).toBe('open')
  second()
  expect(link.state).toBe('closed')
  await vi.waitFor(() => expect(server.of('/room').sockets.size).toBe(0))
})
