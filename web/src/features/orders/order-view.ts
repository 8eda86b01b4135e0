// What a page shows of an order: which colour, what can be done, how long it is held.
import type { Order, OrderState } from '@/api/types'

export type Tone = 'waiting' | 'good' | 'over'

const TONES: Record<OrderState, Tone> = {
  held: 'waiting',
  paid: 'good',
  paid_late: 'waiting',
  shipped: 'good',
  received: 'good',
  refunding: 'waiting',
  refunded: 'good',
  cancelled: 'over',
  expired: 'over',
}

export function toneOf(state: OrderState): Tone {
  return TONES[state]
}

/** Milliseconds left to pay; 0 when there is nothing to pay or the time is up. */
export function leftToPay(order: Order, now: number): number {
  if (order.state !== 'held' || !order.hold_until) return 0
  return Math.max(0, Date.parse(order.hold_until) - now)
}

/** Paid, and not given back. */
export const PAID: readonly OrderState[] = ['paid', 'shipped', 'received']

/** What a list can be narrowed to, in the order of its buttons; no states: all. */
export const BUYER_FILTERS = {
  all: [],
  toPay: ['held'],
  toReceive: ['paid', 'paid_late', 'shipped'],
  done: ['received'],
  back: ['refunding', 'refunded'],
} as const satisfies Record<string, readonly OrderState[]>

/** What is to be shipped comes first. */
export const SHOP_FILTERS = {
  toShip: ['paid'],
  onTheWay: ['shipped'],
  toPay: ['held', 'paid_late'],
  done: ['received'],
  back: ['refunding', 'refunded'],
  over: ['cancelled', 'expired'],
} as const satisfies Record<string, readonly OrderState[]>
