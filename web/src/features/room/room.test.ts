// The decisions of the live room: chat lines, stages, offers, orders, hearts.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ChatMessage, Order, OrderState, Sale, Stream, StreamState } from '@/api/types'
import { withMessages, withoutMessage } from './chat-lines'
import { LikeCounter } from './like-counter'
import { pictureQuality } from './picture-quality'
import { offerOf, timeLeftShare, withOrder } from './sale-offer'
import { isOldNews, mayPlay, stageOf } from './stage'

const NOW = Date.parse('2026-11-01T12:00:00Z')
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString()

function makeLine(id: string): ChatMessage {
  return { id, author_id: 'u1', author_name: '小美', author_role: 'viewer', text: '甜不甜', at: at(0) }
}

function makeStream(state: StreamState, id = 's1'): Stream {
  return { id, room_id: 'r1', state, started_at: at(-60), ended_at: null, lesson_id: null }
}

function makeSale(change: Partial<Sale> = {}): Sale {
  const product = { id: 'p1', merchant_id: 'm1', merchant_name: '', name: '橙子', description: '', price_fen: 2980, unit: '箱', stock: 9, picture_url: null, report_url: null, withdrawn: false, origin: '' }
  const counts = { quantity: 3, available: 3, held: 0, sold: 0, returned: 0, per_buyer: 1, hold_seconds: 300 }
  return { id: 'sale', room_id: 'r1', product, price_fen: 1990, state: 'open', planned: false, opens_at: at(-60), closes_at: at(60), ...counts, ...change }
}

function makeOrder(state: OrderState, change: Partial<Order> = {}): Order {
  const product = { id: 'p1', name: '橙子', picture_url: null, unit: '箱' }
  const lines = [{ product, sale_id: 'sale', quantity: 1, price_fen: 1990 }]
  const rest = { merchant_id: 'm1', coupon_id: null, discount_fen: 0, delivery: null, shipment: null }
  const times = { created_at: at(-10), hold_until: at(290), paid_at: null, receive_at: null, sent_back: null }
  return { id: 'o1', number: '1', state, lines, ...rest, total_fen: 1990, history: [], ...times, ...change }
}

describe('chat lines', () => {
  test('the ack and the broadcast of one message make one line', () => {
    const lines = withMessages([makeLine('a')], [makeLine('b')])

    expect(withMessages(lines, [makeLine('b'), makeLine('c')]).map((line) => line.id)).toEqual(['a', 'b', 'c'])
  })

  test('a flood of messages never grows the list beyond its cap', () => {
    const flood = Array.from({ length: 500 }, (_, index) => makeLine(String(index)))

    const lines = withMessages([], flood, 60)

    expect(lines).toHaveLength(60)
    expect(lines.at(-1)?.id).toBe('499')
  })

  test('nothing new leaves the very same list, so that nothing is drawn again', () => {
    const lines = [makeLine('a')]

    expect(withMessages(lines, [makeLine('a')])).toBe(lines)
    expect(withoutMessage(lines, 'unknown')).toBe(lines)
    expect(withoutMessage(lines, 'a')).toEqual([])
  })
})

describe('stages', () => {
  test.each([
    ['starting', true],
    ['live', true],
    ['interrupted', true],
  ] as const)('a stream that is %s is shown as it is', (state, playable) => {
    const stage = stageOf(makeStream(state), null, null)

    expect(stage).toBe(state)
    expect(mayPlay(stage)).toBe(playable)
  })

  test('an end is told to those who were there', () => {
    expect(stageOf(makeStream('ended'), null, 's1')).toBe('ended')
    expect(stageOf(null, makeStream('ended'), 's1')).toBe('ended')
  })

  test.each([
    ['its own end', makeStream('ended', 's2'), false],
    ['the replay of the one before', { ...makeStream('ended', 's1'), started_at: at(-900), lesson_id: 'l1' }, true],
    ['the end of one that began later', { ...makeStream('ended', 's3'), started_at: at(-1) }, false],
    ['one that comes on', makeStream('live', 's3'), false],
  ])('while a stream is on, %s', (_what, next, old) => {
    expect(isOldNews(next, makeStream('live', 's2'))).toBe(old)
    expect(isOldNews(next, null)).toBe(false)
  })

  test('who comes later finds a room that waits for its next broadcast', () => {
    expect(stageOf(null, makeStream('ended'), null)).toBe('before')
    expect(stageOf(null, null, null)).toBe('before')
    expect(stageOf(makeStream('cancelled'), null, 's1')).toBe('before')
  })
})

describe('what a buyer can do about a sale', () => {
  test.each([
    ['buy', makeSale(), [], false],
    ['pressing', makeSale(), [], true],
    ['pay', makeSale({ available: 0 }), [makeOrder('held')], false],
    ['pay', makeSale({ state: 'closed' }), [makeOrder('held')], false],
    ['bought', makeSale(), [makeOrder('paid')], false],
    ['buy', makeSale({ per_buyer: 2 }), [makeOrder('paid')], false],
    ['buy', makeSale(), [makeOrder('expired')], false],
    ['buy', makeSale(), [makeOrder('paid', { lines: [] })], false],
    ['wait', makeSale({ available: 0, held: 2, sold: 1 }), [], false],
    ['sold_out', makeSale({ available: 0, held: 0, sold: 3 }), [], false],
    ['closed', makeSale({ state: 'closed' }), [], false],
    ['closed', makeSale({ closes_at: at(-1) }), [], false],
  ] as const)('%s', (kind, sale, mine, pressing) => {
    expect(offerOf(sale, mine, pressing, NOW).kind).toBe(kind)
  })

  test('the ring is full at the opening and empty at the closing', () => {
    expect([-60, 0, 60, 99].map((seconds) => timeLeftShare(at(-60), at(60), NOW + seconds * 1000))).toEqual([1, 0.5, 0, 0])
  })

  test('an older state of an order never replaces a newer one', () => {
    const held = makeOrder('held', { history: [{ state: 'held', at: at(0), by: 'buyer' }] })
    const paid = makeOrder('paid', { history: [...held.history, { state: 'paid', at: at(5), by: 'provider' }] })

    expect(withOrder(withOrder([], paid), held)).toEqual([paid])
    expect(withOrder(withOrder([], held), paid)).toEqual([paid])
  })
})

describe('hearts', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('quick taps are sent together, at most twenty at once', () => {
    const sent: number[] = []
    const counter = new LikeCounter((count) => sent.push(count))

    for (let tap = 0; tap < 25; tap += 1) counter.tap()
    vi.advanceTimersByTime(600)
    counter.tap()
    counter.destroy()

    expect(sent).toEqual([20, 1])
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('a picture is judged by its loss and its frames', () => {
  const stats = { bitrateKbps: 900, framesDecoded: 9, bytesReceived: 9, width: 720, height: 1280, jitterMs: 5, freezes: 0, delayMs: 0 }

  expect(pictureQuality({ ...stats, lossPercent: 0, framesPerSecond: 25 })).toBe('good')
  expect(pictureQuality({ ...stats, lossPercent: 3, framesPerSecond: 25 })).toBe('fair')
  expect(pictureQuality({ ...stats, lossPercent: 0, framesPerSecond: 3 })).toBe('bad')
  expect(pictureQuality({ ...stats, lossPercent: 0, framesPerSecond: 0 }, false)).toBe('good')
})
