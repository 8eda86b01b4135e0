// What a replay lacks, in words that a host understands.
import type { Gap } from '@/api/types'

/** Shorter ones nobody notices: a picture that stands for a moment. */
const SHORTEST_MS = 1_000

export interface Missing {
  readonly seconds: number
  readonly places: number
}

/** null: nothing worth a word. */
export function missingOf(gaps: readonly Gap[] | null): Missing | null {
  const noticed = (gaps ?? []).filter((gap) => gap.end_ms - gap.start_ms >= SHORTEST_MS)
  if (noticed.length === 0) return null
  const total = noticed.reduce((sum, gap) => sum + gap.end_ms - gap.start_ms, 0)
  return { seconds: Math.round(total / 1_000), places: noticed.length }
}
