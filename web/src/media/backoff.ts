// How long to wait before the next attempt, so that a thousand viewers don't come back in the same instant.

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 8_000

/** Doubles from 0.5 s to 8 s, then takes a random point in the upper half ("equal jitter"). */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, attempt - 1))
  return Math.round(full / 2 + (full / 2) * random())
}
