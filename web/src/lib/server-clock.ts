// What time it is at the server: countdowns must not trust a phone's clock.

let offsetMs = 0
let uncertaintyMs = Number.POSITIVE_INFINITY

const HEADER_RESOLUTION_MS = 1_000 // an HTTP Date has whole seconds

/** Learns from an answer's `Date` header; a better measurement replaces a worse one. */
export function noteServerTime(header: string | null, sentAt: number, receivedAt: number): void {
  const parsed = header ? Date.parse(header) : Number.NaN
  if (Number.isNaN(parsed)) return
  note(parsed + HEADER_RESOLUTION_MS / 2, sentAt, receivedAt, HEADER_RESOLUTION_MS / 2)
}

/** Learns from an exact moment in an answer, e.g. a snapshot's `server_now`. */
export function noteServerNow(iso: string, sentAt: number, receivedAt: number): void {
  const parsed = Date.parse(iso)
  if (!Number.isNaN(parsed)) note(parsed, sentAt, receivedAt, 0)
}

function note(serverMs: number, sentAt: number, receivedAt: number, resolutionMs: number): void {
  const measured = (receivedAt - sentAt) / 2 + resolutionMs
  const expected = serverMs - (sentAt + receivedAt) / 2
  const clockWasSet = Math.abs(expected - offsetMs) > measured + uncertaintyMs
  if (measured > uncertaintyMs && !clockWasSet) return
  offsetMs = expected
  uncertaintyMs = measured
}

export function serverNow(): number {
  return Date.now() + offsetMs
}

/** Milliseconds until a moment, by the server's clock; never negative. */
export function msUntil(iso: string): number {
  return Math.max(0, Date.parse(iso) - serverNow())
}
