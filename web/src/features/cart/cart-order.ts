// The lines of a cart as an order has them. Pure.
import type { CartLine, OrderLine } from '@/api/types'
import { orderable } from '@/lib/cart-lines'

export const MOST_LINES_OF_AN_ORDER = 20

/** At today's prices, no more than there is. */
export function orderLines(lines: readonly CartLine[]): OrderLine[] {
  return lines.map((line) => ({ product: line.product, sale_id: null, quantity: orderable(line), price_fen: line.product.price_fen }))
}

/** What makes two presses the same wish. */
export function intentionOf(lines: readonly OrderLine[], note: string): string {
  return JSON.stringify([lines.map(({ product, quantity }) => [product.id, quantity]), note])
}
