// What a host types into the sale desk, turned into a draft that the server takes, or the field that is wrong.
import type { Product, Sale, SaleChange, SaleDraft } from '@/api/types'

export interface SaleForm {
  readonly price: string
  readonly quantity: number
  readonly perBuyer: number
  readonly minutes: number
  /** Minutes until it begins. */
  readonly startsIn: number
}

export type DraftProblem = 'price' | 'price_high' | 'quantity' | 'per_buyer'

/** Whether a sale of it can be opened; of what is withdrawn the host's own shelf tells the stock all the same. */
export const canOpenSale = (product: Product): boolean => product.stock > 0 && !product.withdrawn

/** The host's shelf with what a card tells of a product, which of one that is withdrawn does not tell the stock. */
export function withFresh(goods: readonly Product[], fresh: Product): Product[] {
  return goods.map((own) => (own.id === fresh.id ? { ...fresh, stock: fresh.withdrawn ? own.stock : fresh.stock } : own))
}

/** "19.9" -> 1990; null for what is no price. Done on digits, since 19.9 * 100 is not 1990 for a computer. */
export function fenOf(text: string): number | null {
  const match = /^(\d{1,6})(?:[.。](\d{1,2}))?$/.exec(text.trim().replace(/[\u5143¥]/g, '').trim())
  if (!match) return null
  const fen = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
  return fen > 0 ? fen : null
}

/** A fifth off, to a round ten fen: what a host most often wants to start from. */
export function suggestedPrice(priceFen: number): string {
  const fen = Math.max(1, Math.round((priceFen * 0.8) / 10) * 10)
  return (fen / 100).toFixed(2).replace(/\.?0+$/, '')
}

export function draftOf(product: Product, form: SaleForm): SaleDraft | DraftProblem {
  const priceFen = fenOf(form.price)
  if (priceFen === null) return 'price'
  if (priceFen > product.price_fen) return 'price_high'
  if (form.quantity < 1 || form.quantity > product.stock) return 'quantity'
  if (form.perBuyer < 1 || form.perBuyer > form.quantity) return 'per_buyer'
  return {
    product_id: product.id,
    price_fen: priceFen,
    quantity: form.quantity,
    per_buyer: form.perBuyer,
    duration_seconds: form.minutes * 60,
    starts_in_seconds: form.startsIn * 60,
  }
}

export interface ChangeForm {
  readonly price: string
  readonly more: number
  readonly perBuyer: number
  readonly minutes: number
}

/** Only what is to be different from the sale that runs. */
export function changeOf(sale: Sale, form: ChangeForm, leftMs: number): SaleChange | 'price' | 'price_high' {
  const priceFen = fenOf(form.price)
  if (priceFen === null) return 'price'
  if (priceFen > sale.product.price_fen) return 'price_high'
  return {
    ...(priceFen === sale.price_fen ? {} : { price_fen: priceFen }),
    ...(form.more > 0 ? { more: form.more } : {}),
    ...(form.perBuyer === sale.per_buyer ? {} : { per_buyer: form.perBuyer, per_order: form.perBuyer }),
    ...(form.minutes > 0 ? { remaining_seconds: Math.round(leftMs / 1_000) + form.minutes * 60 } : {}),
  }
}
