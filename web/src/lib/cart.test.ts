// Against a real HTTP server on a free port: a guest's cart, signing in, fast taps, and a write that fails.
// @vitest-environment happy-dom
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { CartLine, CartWish, Product } from '@/api/types'
import { useCart } from './cart'
import { useSession } from './session'
import { recall, remember } from './storage'

const WORDS = { description: '', unit: 'box', origin: '', picture_url: null, report_url: null, withdrawn: false, merchant_id: 'm', merchant_name: 'Zhang' }
const make = (id: string): Product => ({ id, name: id, price_fen: 1000, stock: 99, ...WORDS })
const ORANGES = make('oranges')
const TEA = make('tea')

let server: Server
let signedIn: boolean
let kept: Map<string, number>
let writes: CartWish[][]
/** Answers of PUT wait for this. */
let gate: Promise<void>
let refuses: boolean

const shown = (): CartLine[] => [...kept].map(([id, quantity]) => ({ product: make(id), quantity, price_fen: 1000 }))

function answer(method: string, path: string, body: { lines: CartWish[] } | null): unknown {
  if (path === '/api/session') return { user: signedIn || method === 'POST' ? { id: 'li', name: 'li', display_name: 'Li', roles: ['viewer'] } : null }
  if (path.startsWith('/api/products')) return { items: [ORANGES, TEA] }
  for (const { product_id, quantity } of body?.lines ?? []) {
    if (quantity === 0) kept.delete(product_id)
    else kept.set(product_id, method === 'POST' ? Math.max(kept.get(product_id) ?? 0, quantity) : quantity)
  }
  return { items: shown() }
}

beforeEach(async () => {
  ;[signedIn, refuses, gate, kept, writes] = [false, false, Promise.resolve(), new Map(), []]
  server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const body = text ? (JSON.parse(text) as { lines: CartWish[] }) : null
    if (request.method === 'PUT' && body) {
      writes.push(body.lines)
      await gate
    }
    const head = { 'content-type': 'application/json' }
    if (refuses && request.method === 'PUT') response.writeHead(503, head).end('{"code":"unavailable"}')
    else response.writeHead(200, head).end(JSON.stringify(answer(request.method ?? '', request.url ?? '', body)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  ;(window as unknown as { happyDOM: { setURL: (url: string) => void } }).happyDOM.setURL(base)
  remember('cart', '[]')
  setActivePinia(createPinia())
})
afterEach(() => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})

const held = () => useCart().lines.map(({ product, quantity }) => [product.id, quantity])

test('what a guest chose lies in his browser, and comes along when he signs in', async () => {
  const cart = useCart()
  await cart.add(ORANGES, 2)
  await cart.add(ORANGES, 1)
  expect(held()).toEqual([['oranges', 3]])
  expect(writes).toEqual([])

  kept.set('tea', 1)
  await useSession().signIn('li', 'secret')
  await vi.waitFor(() => expect(held()).toEqual([['tea', 1], ['oranges', 3]]))
  expect(recall('cart')).toBe('[]')
})

test('taps that are faster than the line are one more write, with the newest quantity', async () => {
  signedIn = true
  kept.set('oranges', 1)
  const cart = useCart()
  await cart.ensure()
  let open = (): void => undefined
  gate = new Promise((resolve) => (open = resolve))
  const taps = [2, 3, 4].map((quantity) => cart.put([{ product: ORANGES, quantity }]))
  expect(held()).toEqual([['oranges', 4]])
  open()
  await Promise.all(taps)
  expect(writes.map(([line]) => line?.quantity)).toEqual([2, 4])
  expect(kept.get('oranges')).toBe(4)
})

test('what could not be kept is undone on the page', async () => {
  signedIn = true
  kept.set('oranges', 1)
  const cart = useCart()
  await cart.ensure()
  refuses = true
  await expect(cart.put([{ product: ORANGES, quantity: 5 }])).rejects.toMatchObject({ code: 'unavailable' })
  expect(held()).toEqual([['oranges', 1]])
})

test('signing out leaves nothing of it on the page', async () => {
  signedIn = true
  kept.set('oranges', 1)
  const cart = useCart()
  await cart.ensure()
  expect(cart.count).toBe(1)
  signedIn = false
  useSession().forget()
  expect(cart.count).toBe(0)
})
