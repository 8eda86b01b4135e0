// What the host shows comes with his words, and what ends is never kept back.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Card, Product, Sale } from '@/api/types'
import { serverNow } from '@/lib/server-clock'
import { cardWaitsMs, LateWords, MOST_HELD_MS, saleWaitsMs } from './late-words'

const DELAY = 3_000
const PRODUCT: Product = { id: 'p1', merchant_id: 'm1', merchant_name: '', name: '橙子', description: '', price_fen: 2980, unit: '箱', stock: 9, picture_url: null, report_url: null, withdrawn: false, origin: '' }
const at = (ms: number) => new Date(serverNow() + ms).toISOString()
const makeCard = (pinned_at: string, stock = 9): Card => ({ product: { ...PRODUCT, stock }, lesson: null, explaining: true, sold_out: false, pinned_at, start_ms: 0 })
const makeSale = (change: Partial<Sale> = {}): Sale => ({ id: 's1', room_id: 'r1', product: PRODUCT, price_fen: 1990, quantity: 3, per_buyer: 1, hold_seconds: 300, state: 'open', available: 3, held: 0, sold: 0, returned: 0, planned: false, opens_at: at(0), closes_at: at(60_000), ...change })

beforeEach(() => vi.useFakeTimers({ now: Date.parse('2026-11-22T10:00:00Z') }))
afterEach(() => vi.useRealTimers())

function makeWords() {
  const shown: (Card | null)[] = []
  const words = new LateWords<Card | null>((card) => shown.push(card))
  const tell = (card: Card | null) => words.tell(card, cardWaitsMs(card, words.newest, DELAY))
  return { shown, words, tell }
}

test('a card comes when the picture reaches the moment of its pin', () => {
  const { shown, tell } = makeWords()
  tell(makeCard(at(-200)))
  vi.advanceTimersByTime(2_799)
  expect(shown).toEqual([])
  vi.advanceTimersByTime(1)
  expect(shown).toHaveLength(1)
})

test('without a delay it is there at once, and so is one that was pinned long ago', () => {
  const { shown, words, tell } = makeWords()
  words.tell(makeCard(at(0)), cardWaitsMs(makeCard(at(0)), undefined, 0))
  tell(makeCard(at(-60_000)))
  expect(shown).toHaveLength(2)
})

test('a pin, its change of stock and its end stay in their order and apart', () => {
  const { shown, tell } = makeWords()
  const pinned = makeCard(at(0))
  tell(pinned)
  vi.advanceTimersByTime(500)
  tell(makeCard(pinned.pinned_at, 4))
  vi.advanceTimersByTime(500)
  tell(null)
  vi.advanceTimersByTime(2_000)
  expect(shown.map((card) => card?.product?.stock)).toEqual([9, 4])
  vi.advanceTimersByTime(1_000)
  expect(shown.at(-1)).toBeNull()
})

test('a change of the card that is shown does not wait', () => {
  const { shown, tell } = makeWords()
  const pinned = makeCard(at(-60_000))
  tell(pinned)
  tell(makeCard(pinned.pinned_at, 1))
  expect(shown.at(-1)?.product?.stock).toBe(1)
})

test('a sale begins with the words, but its end and the last piece are told at once', () => {
  expect(saleWaitsMs(makeSale(), null, DELAY)).toBe(DELAY)
  expect(saleWaitsMs(makeSale({ available: 2 }), makeSale(), DELAY)).toBe(0)
  expect(saleWaitsMs(makeSale({ available: 0, held: 3 }), makeSale(), DELAY)).toBeNull()
  expect(saleWaitsMs(makeSale({ state: 'closed' }), null, DELAY)).toBeNull()
})

test('what is told at once shows, and what waited before it is forgotten', () => {
  const shown: string[] = []
  const words = new LateWords<Sale>((sale) => shown.push(sale.state))
  words.tell(makeSale(), DELAY)
  words.tellNow(makeSale({ state: 'closed' }))
  vi.advanceTimersByTime(DELAY)
  expect(shown).toEqual(['closed'])
})

test('nobody waits longer than a wrong clock or a wrong delay may make him', () => {
  expect(cardWaitsMs(makeCard(at(3_600_000)), null, DELAY)).toBe(DELAY)
  const { shown, words } = makeWords()
  words.tell(makeCard(at(0)), 3_600_000)
  vi.advanceTimersByTime(MOST_HELD_MS)
  expect(shown).toHaveLength(1)
})
