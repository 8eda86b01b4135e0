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
  return_asked: 'waiting',
  return_refused: 'over',
  return_agreed: 'waiting',
  return_sent: 'waiting',
  return_disputed: 'waiting',
  written_off: 'waiting',
  written_off_refunded: 'good',
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
export const PAID: readonly OrderState[] = ['paid', 'shipped', 'received', 'return_asked', 'return_refused', 'return_agreed', 'return_sent', 'return_disputed']

const RETURN_MS = 7 * 86_400_000

/** Whether its buyer may still ask to send it back; the server has the last word. */
export function isReturnable(order: Order, now: number): boolean {
  if (order.state === 'shipped') return true
  const received = order.history.find((step) => step.state === 'received')
  return order.state === 'received' && received !== undefined && now - Date.parse(received.at) < RETURN_MS
}

const RETURNS = ['return_asked', 'return_agreed', 'return_sent', 'return_disputed', 'return_refused'] as const
const BACK = ['refunding', 'refunded', 'written_off', 'written_off_refunded'] as const

/** What a list can be narrowed to, in the order of its buttons; no states: all. */
export const BUYER_FILTERS = {
  all: [],
  toPay: ['held'],
  toReceive: ['paid', 'paid_late', 'shipped'],
  done: ['received'],
  back: [...RETURNS, ...BACK],
} as const satisfies Record<string, readonly OrderState[]>

/** What is to be shipped comes first. */
export const SHOP_FILTERS = {
  toShip: ['paid'],
  onTheWay: ['shipped'],
  toPay: ['held', 'paid_late'],
  done: ['received'],
  returns: RETURNS,
  back: BACK,
  over: ['cancelled', 'expired'],
} as const satisfies Record<string, readonly OrderState[]>
