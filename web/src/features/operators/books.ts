// What the books of a sale say, and which figures explain a fault in them. Pure.
import type { SaleAudit, SaleFault } from '@/api/types'

export const POTS = ['quantity', 'available', 'held', 'sold', 'returned'] as const

/** What the books have, and what there should be by the orders (or, of all pieces together, by what was put out). */
export function faultFigures(sale: SaleAudit, fault: SaleFault): { books: number; should: number } {
  if (fault === 'held') return { books: sale.held, should: sale.held_by_orders }
  if (fault === 'sold') return { books: sale.sold, should: sale.sold_to_orders }
  return { books: sale.available + sale.held + sale.sold + sale.returned, should: sale.quantity }
}
