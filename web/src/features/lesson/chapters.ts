// Finds the chapter of a place on a lesson's timeline.
import type { Chapter, Clip } from '@/api/types'

const EARLY_MS = 1_000 // its host may have let it begin a moment before the card was there

export function chapterAt(chapters: readonly Chapter[], ms: number): Chapter | null {
  return chapters.find(({ start_ms, end_ms }) => ms >= start_ms && ms < end_ms) ?? null
}

/** What was cut out of a chapter. */
export function clipOf({ start_ms, end_ms, product_id }: Chapter, clips: readonly Clip[]): Clip | null {
  return clips.find((clip) => clip.product_id === product_id && clip.at_ms >= start_ms - EARLY_MS && clip.at_ms < end_ms) ?? null
}
