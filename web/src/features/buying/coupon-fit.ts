// Which coupon an order takes by itself, and what it takes off. Pure.
import type { Coupon, Order, OrderLine } from '@/api/types'

/** As the server counts: at least one fen is left to pay. */
export function discountOf(coupon: Coupon, goodsFen: number): number {
  return Math.min(coupon.value_fen, goodsFen - 1)
}

function isReady(coupon: Coupon, merchantId: string, now: number): boolean {
  return coupon.state === 'ready' && coupon.merchant_id === merchantId && now < Date.parse(coupon.valid_until)
}

/** The one that takes most off this order; of equal ones the one that is over first. */
export function bestCoupon(coupons: readonly Coupon[], merchantId: string, goodsFen: number, now: number): Coupon | null {
  const fitting = coupons.filter((coupon) => isReady(coupon, merchantId, now) && coupon.min_total_fen <= goodsFen)
  const order = (a: Coupon, b: Coupon) =>
    discountOf(b, goodsFen) - discountOf(a, goodsFen) || Date.parse(a.valid_until) - Date.parse(b.valid_until)
  return fitting.sort(order)[0] ?? null
}

/** How much more must be bought for the nearest coupon that does not fit yet; null: none waits. */
export function missingForCoupon(
  coupons: readonly Coupon[],
  merchantId: string,
  goodsFen: number,
  now: number,
): { coupon: Coupon; fen: number } | null {
  const waiting = coupons
    .filter((coupon) => isReady(coupon, merchantId, now) && coupon.min_total_fen > goodsFen)
    .sort((a, b) => a.min_total_fen - b.min_total_fen)
  const [coupon] = waiting
  return coupon ? { coupon, fen: coupon.min_total_fen - goodsFen } : null
}

/** What all lines cost without a coupon. */
export function goodsOf(lines: readonly Pick<OrderLine, 'price_fen' | 'quantity'>[]): number {
  return lines.reduce((sum, line) => sum + line.price_fen * line.quantity, 0)
}

/** Pieces of a sale in an order. */
export function piecesOf(order: Pick<Order, 'lines'>, saleId: string): number {
  return order.lines.reduce((sum, line) => sum + (line.sale_id === saleId ? line.quantity : 0), 0)
}
