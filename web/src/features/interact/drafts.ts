// What a host types, as the server wants it. Pure.
import type { CouponTerms } from '@/api/types'

/** Options of a poll, typed on one line: parted by spaces, commas (also Chinese ones) or slashes; doubles once. */
export function pollOptions(text: string): string[] {
  return [...new Set(text.split(/[\s,，、/；;]+/u).filter(Boolean))].slice(0, 6)
}

/** "19.9" -> 1990; null for what is no amount of money. */
export function fenOf(text: string): number | null {
  const match = /^\s*(\d{1,6})(?:[.。](\d{1,2}))?\s*$/u.exec(text)
  return match ? Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0')) : null
}

/** The terms of a drop of coupons; null while they make no sense. */
export function couponTerms(worth: string, above: string, quota: number): CouponTerms | null {
  const value_fen = fenOf(worth)
  const min_total_fen = fenOf(above)
  if (value_fen === null || min_total_fen === null || value_fen < 1 || min_total_fen <= value_fen) return null
  return { value_fen, min_total_fen, quota }
}
