// What a buyer can do about a flash sale right now: one word that the button, its colour and its text follow.
import type { Order, Sale } from '@/api/types'
import { piecesOf } from '@/features/buying/coupon-fit'
import { PAID } from '@/features/orders/order-view'

export type Offer =
  | { kind: 'buy' }
  /** It has not begun. */
  | { kind: 'soon' }
  | { kind: 'pressing' }
  /** A piece is set aside for this buyer. */
  | { kind: 'pay'; order: Order }
  | { kind: 'bought' }
  /** Nothing left, but unpaid pieces may come back. */
  | { kind: 'wait'; held: number }
  | { kind: 'sold_out' }
  | { kind: 'closed' }

/** 0: it has begun. One that was opened to begin at once has, whatever a clock that was put back says. */
export function beginsInMs(sale: Sale, nowMs: number): number {
  return sale.planned ? Math.max(0, Date.parse(sale.opens_at) - nowMs) : 0
}

/** `mine`: this buyer's orders in any state. */
export function offerOf(sale: Sale, mine: readonly Order[], pressing: boolean, nowMs: number): Offer {
  const ofThisSale = mine.filter((order) => piecesOf(order, sale.id) > 0)
  const held = ofThisSale.find((order) => order.state === 'held')
  if (held) return { kind: 'pay', order: held }
  if (pressing) return { kind: 'pressing' }
  const taken = ofThisSale.filter((order) => PAID.includes(order.state)).reduce((sum, order) => sum + piecesOf(order, sale.id), 0)
  if (taken >= sale.per_buyer) return { kind: 'bought' }
  if (sale.state === 'closed' || nowMs >= Date.parse(sale.closes_at)) return { kind: 'closed' }
  if (beginsInMs(sale, nowMs) > 0) return { kind: 'soon' }
  if (sale.available > 0) return { kind: 'buy' }
  return sale.held > 0 ? { kind: 'wait', held: sale.held } : { kind: 'sold_out' }
}

/** 1 at the opening, 0 at the closing. */
export function timeLeftShare(opensAt: string, closesAt: string, nowMs: number): number {
  const [opens, closes] = [Date.parse(opensAt), Date.parse(closesAt)]
  if (!(closes > opens)) return 0
  return Math.min(1, Math.max(0, (closes - nowMs) / (closes - opens)))
}

/** Newest state of an order wins: the ack and the event of the same order may come in either order. */
export function withOrder(orders: readonly Order[], order: Order): readonly Order[] {
  const known = orders.find((each) => each.id === order.id)
  if (known && known.history.length > order.history.length) return orders
  return [order, ...orders.filter((each) => each.id !== order.id)]
}
