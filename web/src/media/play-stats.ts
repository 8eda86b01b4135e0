// What a viewer's connection does right now, from two snapshots of getStats().

export interface PlayStats {
  readonly bitrateKbps: number
  readonly framesPerSecond: number
  readonly lossPercent: number
  readonly framesDecoded: number
  readonly bytesReceived: number
  readonly width: number
  readonly height: number
  readonly jitterMs: number
  readonly freezes: number
  /** From the media node to the screen: the way here and the wait in the jitter buffer. */
  readonly delayMs: number
}

export interface PlayCounters {
  readonly atMs: number
  readonly bytes: number
  readonly packets: number
  readonly lost: number
  readonly framesDecoded: number
  readonly width: number
  readonly height: number
  readonly jitterMs: number
  readonly freezes: number
  /** Of all pictures together, and how many those were. */
  readonly bufferedMs: number
  readonly emitted: number
  readonly roundTripMs: number
}

/** getStats() as a plain list: a real RTCStatsReport has forEach, a test hands over an array. */
export type StatsEntries = Iterable<Record<string, unknown>>

export function entriesOf(report: RTCStatsReport): Record<string, unknown>[] {
  const entries: Record<string, unknown>[] = []
  report.forEach((entry: Record<string, unknown>) => entries.push(entry))
  return entries
}

export function number(entry: Record<string, unknown>, key: string): number {
  const value = entry[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

export function playCounters(entries: StatsEntries, atMs: number): PlayCounters {
  let [bytes, packets, lost, framesDecoded, width, height, jitterMs, freezes] = [0, 0, 0, 0, 0, 0, 0, 0]
  let [bufferedMs, emitted, roundTripMs] = [0, 0, 0]
  for (const entry of entries) {
    if (entry['type'] === 'candidate-pair' && entry['nominated'] === true) roundTripMs = number(entry, 'currentRoundTripTime') * 1_000
    if (entry['type'] !== 'inbound-rtp') continue
    bytes += number(entry, 'bytesReceived')
    packets += number(entry, 'packetsReceived')
    lost += number(entry, 'packetsLost')
    if (entry['kind'] !== 'video') continue
    framesDecoded = number(entry, 'framesDecoded')
    width = number(entry, 'frameWidth')
    height = number(entry, 'frameHeight')
    jitterMs = number(entry, 'jitter') * 1_000
    freezes = number(entry, 'freezeCount')
    bufferedMs = number(entry, 'jitterBufferDelay') * 1_000
    emitted = number(entry, 'jitterBufferEmittedCount')
  }
  return { atMs, bytes, packets, lost, framesDecoded, width, height, jitterMs, freezes, bufferedMs, emitted, roundTripMs }
}

export function playStats(before: PlayCounters, now: PlayCounters): PlayStats {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1_000)
  const lost = Math.max(0, now.lost - before.lost)
  const expected = lost + Math.max(0, now.packets - before.packets)
  return {
    bitrateKbps: Math.max(0, Math.round(((now.bytes - before.bytes) * 8) / 1_000 / seconds)),
    framesPerSecond: Math.max(0, Math.round((now.framesDecoded - before.framesDecoded) / seconds)),
    lossPercent: expected > 0 ? Math.round((1_000 * lost) / expected) / 10 : 0,
    framesDecoded: now.framesDecoded,
    bytesReceived: now.bytes,
    width: now.width,
    height: now.height,
    jitterMs: Math.round(now.jitterMs),
    freezes: now.freezes,
    delayMs: Math.round(now.roundTripMs / 2 + bufferMs(before, now)),
  }
}

/** How long a picture waited in the buffer, on average since the last look; 0 while none came. */
function bufferMs(before: PlayCounters, now: PlayCounters): number {
  const pictures = now.emitted - before.emitted
  return pictures > 0 ? Math.max(0, (now.bufferedMs - before.bufferedMs) / pictures) : 0
}
