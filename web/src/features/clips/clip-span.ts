// The span of a clip while its host cuts it: always of a length that is allowed, always within the replay.
const SHORTEST_MS = 1_000
const LONGEST_MS = 180_000
export const STEP_MS = 100

export interface Span {
  startMs: number
  endMs: number
}

const within = (ms: number, least: number, most: number) => Math.min(Math.max(ms, least), Math.max(least, most))

/** The begin goes there; the end follows where the clip would become too short or too long. */
export function beginAt(span: Span, ms: number, replayMs: number): Span {
  const startMs = Math.round(within(ms, 0, replayMs - SHORTEST_MS))
  return { startMs, endMs: Math.round(within(span.endMs, startMs + SHORTEST_MS, Math.min(startMs + LONGEST_MS, replayMs))) }
}

/** The end goes there; the begin follows where it must. */
export function endAt(span: Span, ms: number, replayMs: number): Span {
  const endMs = Math.round(within(ms, SHORTEST_MS, replayMs))
  return { startMs: Math.round(within(span.startMs, Math.max(0, endMs - LONGEST_MS), endMs - SHORTEST_MS)), endMs }
}

/** "1:02.3": minutes, seconds and tenths. */
export function clockTenths(ms: number): string {
  const tenths = Math.round(Math.max(0, ms) / 100)
  const seconds = Math.floor(tenths / 10)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}.${tenths % 10}`
}
