// How fast this line sends, timed on a body that the server throws away.

export type SendBody = (body: Blob, timeoutMs: number) => Promise<unknown>

/** The first body wakes the radio of a phone and opens the connection; only the second is timed. */
const WARM_UP_BYTES = 16_000
const TIMED_BYTES = 256_000
const TIMEOUT_MS = 8_000
const MOST_PER_CALL = 65_536 // of crypto.getRandomValues

/** Random bytes, since a proxy on the way may compress. */
export function randomBody(bytes: number): Blob {
  const parts: Uint8Array<ArrayBuffer>[] = []
  for (let left = bytes; left > 0; left -= MOST_PER_CALL) {
    parts.push(crypto.getRandomValues(new Uint8Array(Math.min(left, MOST_PER_CALL))))
  }
  return new Blob(parts, { type: 'application/octet-stream' })
}

/** Kilobits a second; NaN if the server can't be asked; a line too slow for the timeout counts as what it would need at least. */
export async function uploadKbps(send: SendBody, nowMs: () => number = () => performance.now()): Promise<number> {
  try {
    await send(randomBody(WARM_UP_BYTES), TIMEOUT_MS)
  } catch {
    return Number.NaN
  }
  const before = nowMs()
  try {
    await send(randomBody(TIMED_BYTES), TIMEOUT_MS)
  } catch {
    return nowMs() - before >= TIMEOUT_MS ? (TIMED_BYTES * 8) / TIMEOUT_MS : Number.NaN
  }
  return (TIMED_BYTES * 8) / Math.max(1, nowMs() - before)
}
