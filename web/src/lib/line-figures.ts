// What goes out to the media node and what viewers get of it, as rows of figures.
import type { Audience, Ingest } from '@/api/types'
import { layerWord, type LayerWord } from '@/media/picture-choice'
import type { PublishStats, Quality, QualityLevel, QualityReason } from '@/media/publish-stats'

export interface LineState {
  readonly level: QualityLevel
  readonly reason: QualityReason | 'b_frames'
}

export interface LayerRow {
  readonly rid: string
  readonly word: LayerWord | 'only'
  readonly width: number
  readonly height: number
  readonly kbps: number
  /** null: the media node doesn't count them. */
  readonly fps: number | null
}

export interface Sent {
  readonly kbps: number
  readonly lossPercent: number
  readonly rttMs: number | null
  readonly layers: readonly LayerRow[]
}

export interface AudienceRow {
  readonly word: LayerWord | 'only' | 'slides' | 'audio'
  readonly count: number
}

/** The same words as for a broadcast from this page. */
export const FAIR_LOSS = 0.03
export const BAD_LOSS = 0.1

/** From this page, as the browser counts; from OBS and the like, as the media node does. */
export function sentOf(stats: PublishStats | null, ingest: Ingest | null): Sent | null {
  if (stats) {
    const layers = stats.layers.map(({ rid, width, height, bitrateKbps, framesPerSecond }) => ({ rid, width, height, kbps: bitrateKbps, fps: framesPerSecond }))
    return { kbps: stats.bitrateKbps, lossPercent: stats.lossPercent, rttMs: stats.rttMs, layers: named(layers) }
  }
  if (!ingest) return null
  const layers = ingest.layers.map(({ rid, width, height, bitrate }) => ({ rid, width, height, kbps: Math.round(bitrate / 1_000), fps: null }))
  return { kbps: Math.round(ingest.bitrate / 1_000), lossPercent: percent(ingest.loss, 1), rttMs: null, layers: named(layers) }
}

/** What there is to say about a broadcast that comes from elsewhere; null: nothing is known yet. */
export function ingestState(ingest: Ingest | null): LineState | null {
  if (!ingest) return null
  if (ingest.loss >= BAD_LOSS) return { level: 'bad', reason: 'loss' }
  if (ingest.b_frames) return { level: 'fair', reason: 'b_frames' }
  if (ingest.loss >= FAIR_LOSS) return { level: 'fair', reason: 'loss' }
  return { level: 'good', reason: 'ok' }
}

export function lineState(quality: Quality | null, ingest: Ingest | null): LineState | null {
  return quality ?? ingestState(ingest)
}

/**
 * The studio's own look at what viewers see is no viewer, but is counted like one. Without simulcast viewers are told a rid
 * of the node's own, and counted under none.
 */
export function withoutMonitor(audience: Audience, rid: string | null): Audience {
  if (rid === null) return audience
  const counted = rid in audience.by_layer ? rid : ''
  const taken = audience.by_layer[counted] ?? 0
  if (taken === 0) return audience
  return { ...audience, viewers: audience.viewers - 1, by_layer: { ...audience.by_layer, [counted]: taken - 1 } }
}

/** Sound, and what a browser sends to find out what the line carries. */
export function otherKbps(sent: Sent): number {
  return Math.max(0, sent.kbps - sent.layers.reduce((sum, { kbps }) => sum + kbps, 0))
}

/** Who gets what, best first, without rows of nobody; layers are named by their place in what is sent. */
export function audienceRows(audience: Audience, layers: readonly LayerRow[]): AudienceRow[] {
  const known = layers.map(({ rid, word }) => ({ word, count: audience.by_layer[rid] ?? 0 }))
  const others = Object.entries(audience.by_layer).filter(([rid]) => !layers.some((layer) => layer.rid === rid))
  const rows: AudienceRow[] = [
    ...known,
    { word: 'only', count: others.reduce((sum, [, count]) => sum + count, 0) },
    { word: 'slides', count: audience.slides },
    { word: 'audio', count: audience.audio },
  ]
  return rows.filter(({ count }) => count > 0)
}

export function stallingPercent(audience: Audience): number {
  return audience.viewers > 0 ? percent(audience.stalling / audience.viewers, 0) : 0
}

/** 1_840 kbit/s -> "1.8" Mbit/s. */
export function megabits(kbps: number): string {
  return (kbps / 1_000).toFixed(1)
}

function named(layers: readonly Omit<LayerRow, 'word'>[]): LayerRow[] {
  return layers.map((layer, place) => ({ ...layer, word: layers.length > 1 ? layerWord(place, layers.length) : 'only' }))
}

export function percent(share: number, digits: number): number {
  return Number((Math.min(1, Math.max(0, share)) * 100).toFixed(digits))
}
