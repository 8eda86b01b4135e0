// @vitest-environment happy-dom
// Who has gone back in a broadcast sees what was shown then, as it is now, and is told what he misses.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { effectScope, nextTick, shallowRef, type EffectScope } from 'vue'
import type { Card, Product, Sale, ShownCard } from '@/api/types'
import { freshest, missed, shownAt, useGoneBack } from './gone-back'

const NOW = Date.parse('2026-11-01T12:00:00Z')
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString()
const minutesAgo = (minutes: number) => NOW - minutes * 60_000

function makeProduct(name: string): Product {
  return { id: name, merchant_id: 'm1', merchant_name: '', name, description: '', price_fen: 2980, unit: '箱', stock: 9, picture_url: null, report_url: null, withdrawn: false, origin: '' }
}

function makeCard(name: string, fromMinutesAgo: number, untilMinutesAgo: number | null): ShownCard {
  const [pinned_at, unpinned_at] = [at(-60 * fromMinutesAgo), untilMinutesAgo === null ? null : at(-60 * untilMinutesAgo)]
  return { product: makeProduct(name), lesson: null, explaining: true, sold_out: false, pinned_at, start_ms: 0, unpinned_at }
}

function makeSale(id: string, fromMinutesAgo: number, untilMinutesAgo: number, state: Sale['state']): Sale {
  const counts = { quantity: 3, available: state === 'open' ? 3 : 0, held: 0, sold: 0, returned: 0, per_buyer: 1, hold_seconds: 300 }
  const times = { opens_at: at(-60 * fromMinutesAgo), closes_at: at(-60 * untilMinutesAgo) }
  return { id, room_id: 'r1', product: makeProduct(id), price_fen: 1990, state, planned: false, ...times, ...counts }
}

const ORANGES = makeCard('橙子', 30, 20)
const TEA = makeCard('茶', 10, null)
const OVER = makeSale('藕', 25, 22, 'closed')
const RUNNING = makeSale('鱼', 1, -2, 'open')
const TOLD = { cards: [ORANGES, TEA], sales: [OVER, RUNNING] }

describe('the moment to which one has gone back', () => {
  test.each([
    ['before anything was shown', 40, null, null],
    ['when the first card came', 30, '橙子', null],
    ['with a sale beside it', 24, '橙子', '藕'],
    ['after that sale', 21, '橙子', null],
    ['between two cards', 15, null, null],
    ['under the card of now', 5, '茶', null],
    ['and in the sale that runs', 0.5, '茶', '鱼'],
  ])('%s', (_, minutes, card, sale) => {
    const shown = shownAt(TOLD, minutesAgo(minutes))

    expect([shown.card?.product?.name ?? null, shown.sale?.id ?? null]).toEqual([card, sale])
  })

  test('what is still on is as the room tells it now, what is over as it was read', () => {
    const now = { card: { ...TEA, explaining: false }, sale: { ...RUNNING, available: 1 } }

    expect(freshest({ card: TEA, sale: RUNNING }, now)).toEqual(now)
    expect(freshest({ card: ORANGES, sale: OVER }, now)).toEqual({ card: ORANGES, sale: OVER })
  })

  test('what one misses is the sale that runs, else the card of now, and nothing of what one sees', () => {
    const then = { card: ORANGES, sale: OVER }

    expect(missed(then, { card: TEA, sale: RUNNING }, NOW)).toEqual({ kind: 'sale', name: '鱼' })
    expect(missed(then, { card: TEA, sale: { ...RUNNING, state: 'closed' } }, NOW)).toEqual({ kind: 'card', name: '茶' })
    expect(missed({ card: TEA, sale: RUNNING }, { card: TEA, sale: RUNNING }, NOW)).toBeNull()
    expect(missed(then, { card: null, sale: null }, NOW)).toBeNull()
  })

  test('a sale that is announced is not yet on', () => {
    const announced: Sale = { ...makeSale('鱼', -1, -3, 'open'), planned: true }

    expect(missed({ card: ORANGES, sale: OVER }, { card: TEA, sale: announced }, NOW)).toEqual({ kind: 'soon', name: '鱼' })
    expect(missed({ card: ORANGES, sale: OVER }, { card: TEA, sale: announced }, NOW + 60_000)).toEqual({ kind: 'sale', name: '鱼' })
  })

  test.each([
    ['of which nothing is left', { ...RUNNING, available: 0, held: 1 }],
    ['whose time is over and which nobody has closed yet', makeSale('鱼', 3, 1, 'open')],
  ])('a sale %s is missed by nobody: the card of now is', (_, sale) => {
    expect(missed({ card: ORANGES, sale: OVER }, { card: TEA, sale }, NOW)).toEqual({ kind: 'card', name: '茶' })
  })

  test('a card that the host does not talk about now is only recommended', () => {
    expect(missed({ card: ORANGES, sale: null }, { card: { ...TEA, explaining: false }, sale: null }, NOW)).toEqual({ kind: 'shown', name: '茶' })
  })
})

describe('reading again', () => {
  let scope: EffectScope
  const reads: string[] = []
  const card = shallowRef<Card | null>(ORANGES)

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    vi.stubGlobal('fetch', async (url: string) => {
      reads.push(url)
      return Response.json({ items: [] })
    })
    scope = effectScope()
  })
  afterEach(() => {
    scope.stop()
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  test('those who have gone back do not all read at the moment in which something changes', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    scope.run(() => useGoneBack(() => 's1', () => NOW, () => ({ card: card.value, sale: null })))
    const atFirst = reads.length

    card.value = TEA
    await nextTick()

    expect(reads).toHaveLength(atFirst)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(reads).toHaveLength(2 * atFirst)
  })
})
