// What a host's upload does right now, from two snapshots of getStats(), and what that means in plain words.

import { number, type StatsEntries } from './play-stats'
import { RIDS } from './simulcast'

/** One encoding, as getStats() counts it. */
export interface LayerCounters {
  readonly rid: string
  readonly bytes: number
  readonly frames: number
  readonly width: number
  readonly height: number
  /** What the encoder was told to make; 0 where the browser doesn't say. */
  readonly targetKbps: number
}

export interface PublishCounters {
  readonly atMs: number
  readonly layers: readonly LayerCounters[]
  readonly bytes: number
  readonly packets: number
  readonly lost: number
  readonly lostFraction: number
  readonly rttMs: number
  readonly availableKbps: number
  readonly limitedBy: string
}

export interface LayerStats {
  readonly rid: string
  readonly bitrateKbps: number
  readonly framesPerSecond: number
  readonly width: number
  readonly height: number
}

export interface PublishStats {
  readonly bitrateKbps: number
  readonly framesPerSecond: number
  readonly lossPercent: number
  readonly rttMs: number
  readonly width: number
  readonly height: number
  /** What the browser believes that the line carries; 0 while it doesn't know. */
  readonly availableKbps: number
  readonly limitedBy: string
  /** Best first; without simulcast one with an empty rid. A layer that the line doesn't carry now has 0 kbit/s. */
  readonly layers: readonly LayerStats[]
}

export type QualityLevel = 'good' | 'fair' | 'bad'
/** The first thing that a host could do something about. */
export type QualityReason = 'ok' | 'starting' | 'loss' | 'slow_line' | 'delay' | 'busy_device' | 'no_picture'

export interface Quality {
  readonly level: QualityLevel
  readonly reason: QualityReason
}

export function publishCounters(entries: StatsEntries, atMs: number): PublishCounters {
  let [bytes, packets, lost, lostFraction, rttMs, availableKbps] = [0, 0, 0, 0, 0, 0]
  let limitedBy = 'none'
  const layers: LayerCounters[] = []
  for (const entry of entries) {
    const type = entry['type']
    if (type === 'outbound-rtp') {
      bytes += number(entry, 'bytesSent')
      packets += number(entry, 'packetsSent')
      // A layer that the server doesn't take is listed, too, as long as the session lasts.
      if (entry['kind'] !== 'video' || entry['active'] === false) continue
      layers.push(layerCounters(entry))
      const limit = String(entry['qualityLimitationReason'] ?? 'none')
      if (limit !== 'none') limitedBy = limit
    } else if (type === 'remote-inbound-rtp') {
      lost += number(entry, 'packetsLost')
      lostFraction = Math.max(lostFraction, number(entry, 'fractionLost'))
      rttMs = Math.max(rttMs, number(entry, 'roundTripTime') * 1_000)
    } else if (type === 'candidate-pair' && entry['nominated'] === true) {
      availableKbps = number(entry, 'availableOutgoingBitrate') / 1_000
      if (rttMs === 0) rttMs = number(entry, 'currentRoundTripTime') * 1_000
    }
  }
  return { atMs, layers, bytes, packets, lost, lostFraction, rttMs, availableKbps, limitedBy }
}

function layerCounters(entry: Record<string, unknown>): LayerCounters {
  return {
    rid: typeof entry['rid'] === 'string' ? entry['rid'] : '',
    bytes: number(entry, 'bytesSent'),
    frames: number(entry, 'framesEncoded'),
    width: number(entry, 'frameWidth'),
    height: number(entry, 'frameHeight'),
    targetKbps: Math.round(number(entry, 'targetBitrate') / 1_000),
  }
}

export function publishStats(before: PublishCounters, now: PublishCounters): PublishStats {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1_000)
  const sent = Math.max(0, now.packets - before.packets)
  const lost = Math.max(0, now.lost - before.lost)
  // Receiver reports come about once a second: where the counter stood still, the last fraction is the newest word.
  const loss = sent > 0 && lost > 0 ? lost / sent : now.lostFraction
  const layers = now.layers.map((layer) => layerStats(before.layers.find(({ rid }) => rid === layer.rid), layer, seconds))
  layers.sort((a, b) => RIDS.indexOf(a.rid) - RIDS.indexOf(b.rid))
  const best = layers.find(({ framesPerSecond }) => framesPerSecond > 0)
  return {
    bitrateKbps: kbps(now.bytes - before.bytes, seconds),
    framesPerSecond: Math.max(0, ...layers.map((layer) => layer.framesPerSecond)),
    lossPercent: Math.round(Math.min(1, loss) * 1_000) / 10,
    rttMs: Math.round(now.rttMs),
    width: best?.width ?? 0,
    height: best?.height ?? 0,
    availableKbps: Math.round(now.availableKbps),
    limitedBy: now.limitedBy,
    layers,
  }
}

function layerStats(before: LayerCounters | undefined, now: LayerCounters, seconds: number): LayerStats {
  const sent = kbps(now.bytes - (before?.bytes ?? 0), seconds)
  return {
    rid: now.rid,
    // Browsers fill a quiet picture's line with padding, to see what it carries, and count it to one of the layers.
    bitrateKbps: now.targetKbps > 0 ? Math.min(sent, now.targetKbps) : sent,
    framesPerSecond: Math.max(0, Math.round((now.frames - (before?.frames ?? 0)) / seconds)),
    width: now.width,
    height: now.height,
  }
}

function kbps(bytes: number, seconds: number): number {
  return Math.max(0, Math.round((bytes * 8) / 1_000 / seconds))
}

/** Repair by NACK hides up to about 3 %; beyond 10 % pictures break up. */
const FAIR_LOSS_PERCENT = 3
const BAD_LOSS_PERCENT = 10
/** Below these a 720p picture is soft, then hard to recognise goods in. */
const FAIR_BITRATE_KBPS = 700
const BAD_BITRATE_KBPS = 250
export const FAIR_RTT_MS = 300
export const BAD_RTT_MS = 800
/** The sender's bandwidth estimate climbs from 300 kbit/s: no complaint about the bitrate before. */
const RAMP_UP_MS = 8_000
/** The largest layer comes last, when the estimate has room for all of them. */
const FULL_SIZE_MS = 20_000

export function judgeQuality(stats: PublishStats, sinceLiveMs: number): Quality {
  const rampingUp = sinceLiveMs < RAMP_UP_MS
  if (stats.framesPerSecond === 0 && !rampingUp) return { level: 'bad', reason: 'no_picture' }
  if (stats.lossPercent >= BAD_LOSS_PERCENT) return { level: 'bad', reason: 'loss' }
  if (!rampingUp && stats.limitedBy === 'bandwidth' && stats.bitrateKbps < BAD_BITRATE_KBPS) {
    return { level: 'bad', reason: 'slow_line' }
  }
  if (stats.rttMs >= BAD_RTT_MS) return { level: 'bad', reason: 'delay' }
  if (stats.lossPercent >= FAIR_LOSS_PERCENT) return { level: 'fair', reason: 'loss' }
  if (!rampingUp && stats.limitedBy === 'bandwidth' && stats.bitrateKbps < FAIR_BITRATE_KBPS) {
    return { level: 'fair', reason: 'slow_line' }
  }
  const largest = stats.layers[0]
  if (sinceLiveMs >= FULL_SIZE_MS && stats.limitedBy === 'bandwidth' && largest?.framesPerSecond === 0) {
    return { level: 'fair', reason: 'slow_line' }
  }
  if (stats.rttMs >= FAIR_RTT_MS) return { level: 'fair', reason: 'delay' }
  if (stats.limitedBy === 'cpu' && stats.framesPerSecond < 15) return { level: 'fair', reason: 'busy_device' }
  return { level: 'good', reason: rampingUp ? 'starting' : 'ok' }
}
