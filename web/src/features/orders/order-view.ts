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

export type OrderFilter = 'all' | 'toPay' | 'paidOnes'

export function filtered(orders: readonly Order[], filter: OrderFilter): Order[] {
  if (filter === 'all') return [...orders]
  return orders.filter(({ state }) => (filter === 'toPay' ? state === 'held' : PAID.includes(state)))
}
