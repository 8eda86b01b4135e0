// What is in a cart: by farmer, what changed since, what a guest's browser keeps. Pure.
import type { CartLine, CartWish, Product } from '@/api/types'

export const MOST_PIECES = 999
/** Different things in one cart. */
export const MOST_LINES = 60

export type GuestLine = CartWish & { price_fen: number }

/** The part of a cart that one order can be. */
export interface Farm {
  merchantId: string
  name: string
  lines: CartLine[]
}

/** In the order in which their newest things were put in. */
export function byFarmer(lines: readonly CartLine[]): Farm[] {
  const farms = new Map<string, Farm>()
  for (const line of lines) {
    const { merchant_id: merchantId, merchant_name: name } = line.product
    const farm = farms.get(merchantId) ?? { merchantId, name, lines: [] }
    farm.lines.push(line)
    farms.set(merchantId, farm)
  }
  return [...farms.values()]
}

/** How many of a line can be ordered now; 0: it is sold out. */
export function orderable({ quantity, product }: CartLine): number {
  return Math.min(quantity, product.stock)
}

/** How much dearer (or, below 0, cheaper) one piece is than when it was put in. */
export function dearer({ product, price_fen }: CartLine): number {
  return product.price_fen - price_fen
}

/** The lines with so many of a product at today's price: a known one keeps its place, a new one comes first; 0 takes it out. */
export function withQuantity(lines: readonly CartLine[], product: Product, quantity: number): CartLine[] {
  if (quantity === 0) return lines.filter((line) => line.product.id !== product.id)
  const line = { product, quantity, price_fen: product.price_fen }
  const isKnown = lines.some((one) => one.product.id === product.id)
  return isKnown ? lines.map((one) => (one.product.id === product.id ? line : one)) : [line, ...lines]
}

/** What a guest chose, with the products as they are now; what exists no more is left out. */
export function shownLines(kept: readonly GuestLine[], products: readonly Product[]): CartLine[] {
  const known = new Map(products.map((product) => [product.id, product]))
  return kept.flatMap(({ product_id, quantity, price_fen }) => {
    const product = known.get(product_id)
    return product ? [{ product, quantity, price_fen }] : []
  })
}

export function guestText(lines: readonly CartLine[]): string {
  return JSON.stringify(lines.map(({ product, quantity, price_fen }) => ({ product_id: product.id, quantity, price_fen })))
}

/** Whatever a browser kept, perhaps of another version: what cannot be read is as good as nothing. */
export function readGuestText(text: string | null): GuestLine[] {
  try {
    const kept: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(kept) ? kept.filter(isGuestLine).slice(0, MOST_LINES) : []
  } catch {
    return []
  }
}

function isGuestLine(line: unknown): line is GuestLine {
  if (typeof line !== 'object' || line === null) return false
  const { product_id, quantity, price_fen } = line as Partial<GuestLine>
  const isPositive = (value: unknown) => Number.isInteger(value) && (value as number) > 0
  return typeof product_id === 'string' && isPositive(quantity) && (quantity as number) <= MOST_PIECES && isPositive(price_fen)
}
