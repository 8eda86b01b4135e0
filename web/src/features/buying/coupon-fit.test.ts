// Which coupon is applied by itself.
import { expect, test } from 'vitest'
import type { Coupon } from '@/api/types'
import { bestCoupon, discountOf, goodsOf, missingForCoupon, piecesOf } from './coupon-fit'

const NOW = Date.parse('2026-11-28T12:00:00Z')

function make(id: string, value_fen: number, min_total_fen: number, change: Partial<Coupon> = {}): Coupon {
  const base = { drop_id: 'd', merchant_id: 'm', room_slug: 'zhang', host_name: 'Zhang', order_id: null }
  const times = { taken_at: '2026-11-28T11:00:00Z', valid_until: '2026-12-01T00:00:00Z' }
  return { id, value_fen, min_total_fen, state: 'ready', ...base, ...times, ...change }
}

test('the coupon that takes most off is taken, of equal ones the one that is over first', () => {
  const coupons = [
    make('small', 300, 1000),
    make('later', 500, 2000),
    make('sooner', 500, 2000, { valid_until: '2026-11-29T00:00:00Z' }),
    make('too much', 2000, 9000),
  ]
  expect(bestCoupon(coupons, 'm', 3990, NOW)?.id).toBe('sooner')
  expect(bestCoupon(coupons, 'm', 1500, NOW)?.id).toBe('small')
  expect(bestCoupon(coupons, 'm', 999, NOW)).toBeNull()
})

test.each([
  ['used', { state: 'used' as const, order_id: 'o' }],
  ["another merchant's", { merchant_id: 'other' }],
  ['over', { valid_until: '2026-11-28T12:00:00Z' }],
])('a coupon that is %s is never taken', (_, change) => {
  const coupons = [make('c', 500, 1000, change)]
  expect(bestCoupon(coupons, 'm', 5000, NOW)).toBeNull()
  expect(missingForCoupon(coupons, 'm', 10, NOW)).toBeNull()
})

test('one fen is left to pay', () => {
  expect(discountOf(make('c', 1000, 1001), 1001)).toBe(1000)
  expect(discountOf(make('c', 1000, 0), 600)).toBe(599)
})

test('says how much is missing for the nearest coupon', () => {
  const coupons = [make('far', 2000, 9000), make('near', 500, 5000)]
  expect(missingForCoupon(coupons, 'm', 3990, NOW)).toEqual({ coupon: coupons[1], fen: 1010 })
  expect(missingForCoupon(coupons, 'm', 9000, NOW)).toBeNull()
})

test('lines are summed, and pieces of a sale counted', () => {
  const product = { id: 'p', name: 'oranges', picture_url: null, unit: 'kg' }
  const lines = [
    { product, sale_id: 's', quantity: 2, price_fen: 1990 },
    { product, sale_id: null, quantity: 1, price_fen: 3990 },
  ]
  expect(goodsOf(lines)).toBe(2 * 1990 + 3990)
  expect(piecesOf({ lines }, 's')).toBe(2)
})
