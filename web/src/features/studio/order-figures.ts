// The figures about orders that a host sees during a broadcast.
import type { Iso, Order } from '@/api/types'
import { PAID } from '@/features/orders/order-view'

export interface OrderFigures {
  readonly paid: number
  readonly held: number
  readonly paidFen: number
}

/** Orders since a moment; without a moment, none: figures of another day would only confuse. */
export function orderFigures(orders: readonly Order[], since: Iso | null): OrderFigures {
  const from = since ? Date.parse(since) : Number.POSITIVE_INFINITY
  const recent = orders.filter((order) => Date.parse(order.created_at) >= from)
  const paid = recent.filter((order) => PAID.includes(order.state))
  return {
    paid: paid.length,
    held: recent.filter((order) => order.state === 'held').length,
    paidFen: paid.reduce((sum, order) => sum + order.total_fen, 0),
  }
}
