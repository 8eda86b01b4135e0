// @vitest-environment node
// Against a real Socket.IO server on a free port: what comes between entering a room and its snapshot.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket as ServerSocket } from 'socket.io'
import { io } from 'socket.io-client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'
import { RoomLink } from '@/api/socket'
import type { Card, ChatMessage, Product, Room, RoomEvents, Sale, Snapshot, Stream } from '@/api/types'
import { useRoom } from './use-room'

const AT = '2026-11-01T12:00:00Z'
const PRODUCT: Product = { id: 'p1', merchant_id: 'm1', merchant_name: '', name: '橙子', description: '', price_fen: 2980, unit: '箱', stock: 9, picture_url: null, report_url: null, withdrawn: false, origin: '' }
const COUNTS = { quantity: 3, held: 0, sold: 0, returned: 0, per_buyer: 1, hold_seconds: 300 }
const RULES = { slow_mode_seconds: 0, followers_only: false, review_first: false, links_from_staff_only: true }
const ROOM: Room = { id: 'r1', slug: 'orange', title: '橙子', host_name: '小美', cover_url: null, state: 'idle', viewers: 0, scheduled_at: null, merchant_id: 'm1', stream: null, last_stream: null, whep_url: '/whep/orange', hls_url: '/hls/orange/index.m3u8', rules: RULES, announcement: null }

const makeLine = (id: string): ChatMessage => ({ id, author_id: 'u1', author_name: '小美', author_role: 'viewer', text: '甜不甜', at: AT })
const makeSale = (available: number): Sale => ({ ...COUNTS, id: 'sale', room_id: 'r1', product: PRODUCT, price_fen: 1990, state: 'open', available, planned: false, opens_at: AT, closes_at: AT })
const makeStream = (id: string, state: Stream['state'], started_at = AT): Stream => ({ id, room_id: 'r1', state, started_at, ended_at: null, lesson_id: null })
const ME = { role: 'viewer' as const, following: false, mute: null, pass: null }
const SIDE = { me: ME, followers: 0, questions: [], poll: null, coupon_drop: null, draw: null }
const SNAPSHOT: Snapshot = { ...SIDE, room: ROOM, chat: [makeLine('a'), makeLine('b')], card: null, sale: makeSale(3), viewers: 1, likes: 5, server_now: AT }

type JoinFields = { slug: string; after?: number }

let server: Server
let scope: EffectScope
let onJoin: (socket: ServerSocket, ack: (answer: unknown) => void, fields: JoinFields) => void

beforeEach(async () => {
  const httpServer = createServer()
  server = new Server(httpServer)
  server.of('/room').on('connection', (socket) => {
    socket.on('join', (fields, ack) => onJoin(socket, ack, fields))
  })
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
  scope = effectScope()
})
afterEach(async () => {
  scope.stop()
  await server.close()
})

function open(delayMs = 0) {
  const { port } = server.httpServer.address() as AddressInfo
  const link = new RoomLink(() => io(`http://127.0.0.1:${port}/room`, { autoConnect: false, forceNew: true, reconnectionDelay: 10 }))
  return scope.run(() => useRoom('orange', link, () => delayMs)) as ReturnType<typeof useRoom>
}

function tell<E extends keyof RoomEvents>(socket: ServerSocket, event: E, payload: RoomEvents[E], number?: number): void {
  if (number === undefined) socket.emit(event, payload)
  else socket.emit(event, payload, number)
}

test('what happens while the snapshot is on its way is shown on top of it', async () => {
  const card: Card = { product: PRODUCT, lesson: null, explaining: true, sold_out: false, pinned_at: AT, start_ms: 0 }
  onJoin = (socket, ack) => {
    tell(socket, 'chat', { messages: [makeLine('b'), makeLine('c'), makeLine('d')] })
    tell(socket, 'chat_deleted', { id: 'a' })
    tell(socket, 'chat_deleted', { id: 'd' })
    tell(socket, 'stream', { stream: makeStream('s1', 'live'), whep_url: '/whep/elsewhere' })
    tell(socket, 'card', { card })
    tell(socket, 'sale', { sale: makeSale(1) })
    tell(socket, 'viewers', { count: 8 })
    tell(socket, 'likes', { total: 6 })
    ack({ ok: true, data: SNAPSHOT })
  }

  const room = open()

  await vi.waitFor(() => expect(room.joined.value).toBe(true))
  expect(room.chat.value.map((line) => line.id)).toEqual(['b', 'c'])
  expect(room.stage.value).toBe('live')
  expect(room.room.value?.whep_url).toBe('/whep/elsewhere')
  expect(room.card.value).toEqual(card)
  expect(room.sale.value?.available).toBe(1)
  expect([room.viewers.value, room.likes.value]).toEqual([8, 6])
})

test('what was taken away stays away though another server tells it a moment later', async () => {
  const said = (id: string, author_id: string, at: string): ChatMessage => ({ ...makeLine(id), author_id, at })
  onJoin = (socket, ack) => {
    ack({ ok: true, data: SNAPSHOT })
    tell(socket, 'chat_deleted', { id: 'c' })
    tell(socket, 'chat_cleared', { author_id: 'u9', at: '2026-11-01T12:00:10Z' })
    const before = said('d', 'u9', '2026-11-01T12:00:09Z')
    const after = said('e', 'u9', '2026-11-01T12:01:00Z')
    tell(socket, 'chat', { messages: [makeLine('c'), before, after, makeLine('f')] })
  }

  const room = open()

  await vi.waitFor(() => expect(room.chat.value.map((line) => line.id)).toEqual(['a', 'b', 'e', 'f']))
})

test('what happens after the snapshot is shown at once', async () => {
  onJoin = (socket, ack) => {
    ack({ ok: true, data: SNAPSHOT })
    tell(socket, 'sale', { sale: makeSale(2) })
  }

  const room = open()

  await vi.waitFor(() => expect(room.sale.value?.available).toBe(2))
})

test('a card and a sale begin when the delayed picture shows it, whatever this phone\u2019s clock says; their end does not wait', async () => {
  // The snapshot says what time it is at the server: weeks away from the clock of this test.
  const card: Card = { product: PRODUCT, lesson: null, explaining: true, sold_out: false, pinned_at: AT, start_ms: 0 }
  let tellSoldOut = () => {}
  onJoin = (socket, ack) => {
    ack({ ok: true, data: { ...SNAPSHOT, sale: null } })
    tell(socket, 'card', { card })
    tell(socket, 'sale', { sale: makeSale(3) })
    tell(socket, 'viewers', { count: 9 })
    tellSoldOut = () => tell(socket, 'sale', { sale: makeSale(0) })
  }

  const room = open(400)

  await vi.waitFor(() => expect(room.viewers.value).toBe(9))
  expect([room.card.value, room.sale.value]).toEqual([null, null])
  tellSoldOut()
  await vi.waitFor(() => expect(room.sale.value?.available).toBe(0))
  expect(room.card.value).toBeNull()
  await vi.waitFor(() => expect(room.card.value).toEqual(card))
})

test('the replay of the stream before does not take the one that is on off the screen', async () => {
  const over = makeStream('s1', 'ended', '2026-11-01T10:00:00Z')
  onJoin = (socket, ack) => {
    ack({ ok: true, data: { ...SNAPSHOT, room: { ...ROOM, stream: makeStream('s2', 'live') } } })
    tell(socket, 'stream', { stream: over, whep_url: '' })
    tell(socket, 'viewers', { count: 9 })
  }

  const room = open()

  await vi.waitFor(() => expect(room.viewers.value).toBe(9))
  expect(room.stream.value?.id).toBe('s2')
  expect(room.lastStream.value).toEqual(over)
})

const ids = (room: ReturnType<typeof open>) => room.chat.value.map((line) => line.id)
const say = (socket: ServerSocket, id: string, number: number) => tell(socket, 'chat', { messages: [makeLine(id)] }, number)

test('whoever comes back hears what he missed, once and in order', async () => {
  const asked: JoinFields[] = []
  let connection: ServerSocket | undefined
  onJoin = (socket, ack, fields) => {
    asked.push(fields)
    connection = socket
    if (asked.length === 1) {
      ack({ ok: true, data: { ...SNAPSHOT, n: 10 } })
      return say(socket, 'c', 11)
    }
    say(socket, 'd', 12) // told while the answer is made: in it, and on its own
    say(socket, 'f', 15)
    const missed = [['chat', { messages: [makeLine('d')] }, 12], ['likes', { total: 9 }, 14]]
    ack({ ok: true, data: { missed, n: 14, viewers: 4, server_now: AT } })
  }
  const room = open()
  await vi.waitFor(() => expect(ids(room)).toEqual(['a', 'b', 'c']))

  connection?.conn.close()

  await vi.waitFor(() => expect(ids(room)).toEqual(['a', 'b', 'c', 'd', 'f']))
  expect(asked[1]).toEqual({ slug: 'orange', after: 11 })
  expect([room.likes.value, room.viewers.value, room.joined.value]).toEqual([9, 4, true])
})

test('whoever was away for too long takes the snapshot', async () => {
  let connection: ServerSocket | undefined
  onJoin = (socket, ack, { after }) => {
    connection = socket
    ack({ ok: true, data: after ? { ...SNAPSHOT, chat: [makeLine('z')], n: 900 } : { ...SNAPSHOT, n: 10 } })
    if (after) say(socket, 'y', 901)
  }
  const room = open()
  await vi.waitFor(() => expect(room.joined.value).toBe(true))

  connection?.conn.close()

  await vi.waitFor(() => expect(ids(room)).toEqual(['z', 'y']))
})

test('a hole in the numbers is filled by joining again', async () => {
  onJoin = (socket, ack, { after }) => {
    if (after) {
      const missed = [['chat', { messages: [makeLine('c')] }, 11], ['chat', { messages: [makeLine('d')] }, 12]]
      return ack({ ok: true, data: { missed, n: 12, viewers: 4, server_now: AT } })
    }
    ack({ ok: true, data: { ...SNAPSHOT, n: 10 } })
    say(socket, 'b', 10) // is in the snapshot
    say(socket, 'd', 12)
  }

  const room = open()

  await vi.waitFor(() => expect(ids(room)).toEqual(['a', 'b', 'c', 'd']))
})

test('a page that was too slow and was left out asks for what it missed', async () => {
  onJoin = (socket, ack, { after }) => {
    if (after) return ack({ ok: true, data: { missed: [['likes', { total: 77 }, 40]], n: 40, viewers: 4, server_now: AT } })
    ack({ ok: true, data: { ...SNAPSHOT, n: 10 } })
    socket.emit('missed', {})
  }

  const room = open()

  await vi.waitFor(() => expect(room.likes.value).toBe(77))
})
