// Finds the chapter of a place on a lesson's timeline.
import type { Chapter } from '@/api/types'

export function chapterAt(chapters: readonly Chapter[], ms: number): Chapter | null {
  return chapters.find(({ start_ms, end_ms }) => ms >= start_ms && ms < end_ms) ?? null
}
