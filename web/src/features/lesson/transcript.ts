// Which line of the subtitles is being said.
import type { SubtitleLine } from '@/api/types'

/** The last line that has begun; -1 before the first. Lines are in order. */
export function lineAt(lines: readonly SubtitleLine[], positionMs: number): number {
  let low = 0
  let high = lines.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((lines[middle]?.start_ms ?? 0) <= positionMs) low = middle + 1
    else high = middle
  }
  return low - 1
}
