// Keeps a lesson within what is left of the month's data; pure.
import type { Lesson } from '@/api/types'
import { offersOf, type Quality } from './quality'

export type Thrift =
  /** As wished. */
  | { kind: 'fits' }
  /** The best that is left for; `most` bounds what a player chooses by itself. */
  | { kind: 'lower'; most: Quality & number }
  /** Not even the cheapest to the end. */
  | { kind: 'short'; cheapest: Quality & number; bytes: number }

function restOf(lesson: Lesson, fromMs: number): number {
  return lesson.duration_ms > 0 ? Math.min(1, Math.max(0, 1 - fromMs / lesson.duration_ms)) : 1
}

/** What a wish costs at most from there on. */
function dearest(lesson: Lesson, wish: Quality, fromMs: number): number {
  const offers = offersOf(lesson).filter(({ quality }) => wish === 'auto' || quality === wish)
  const bytes = offers.length > 0 ? Math.max(...offers.map((offer) => offer.bytes)) : lesson.bytes
  return bytes * restOf(lesson, fromMs)
}

/** Whether the rest of a lesson can be watched as wished with what is left; `null`: there is no limit. */
export function thrift(lesson: Lesson, wish: Quality, fromMs: number, leftBytes: number | null): Thrift {
  if (leftBytes === null || dearest(lesson, wish, fromMs) <= leftBytes) return { kind: 'fits' }
  const rest = restOf(lesson, fromMs)
  const offers = offersOf(lesson)
  const wished = wish === 'auto' ? Number.POSITIVE_INFINITY : dearest(lesson, wish, 0)
  const best = offers.filter(({ bytes }) => bytes * rest <= leftBytes && bytes <= wished).at(-1)
  if (best) return { kind: 'lower', most: best.quality }
  const cheapest = offers[0]
  return { kind: 'short', cheapest: cheapest?.quality ?? 0, bytes: (cheapest?.bytes ?? lesson.bytes) * rest }
}
