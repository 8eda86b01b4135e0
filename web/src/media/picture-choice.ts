// What a viewer can choose to see, and how that is asked of the media node.

export type Quality = 'auto' | 'high' | 'smooth' | 'slides' | 'audio'

/** One encoding of the published pictures, as the media node tells it; best first. Bitrate 0: not sent at the moment. */
export interface PictureLayer {
  readonly rid: string
  readonly bitrate: number
  readonly width: number
  readonly height: number
  /** What this viewer gets now. */
  readonly selected: boolean
}

export interface LayerRequest {
  readonly rid?: string
  readonly mode?: 'slides' | 'audio'
}

/** A layer's place among its like, in a word. */
export type LayerWord = 'high' | 'smooth' | 'small'

const ALL: readonly Quality[] = ['auto', 'high', 'smooth', 'slides', 'audio']

export function isQuality(word: string | null): word is Quality {
  return ALL.includes(word as Quality)
}

/** A picture with one size has nothing to choose between but moving, slides and none. */
export function offeredQualities(layers: readonly PictureLayer[]): Quality[] {
  return sentOf(layers).length > 1 ? [...ALL] : ['auto', 'slides', 'audio']
}

/** What a wish comes to with these layers: one for a size that isn't there is left to the node. */
export function effectiveQuality(wish: Quality, layers: readonly PictureLayer[]): Quality {
  return offeredQualities(layers).includes(wish) ? wish : 'auto'
}

export function layerOf(quality: 'high' | 'smooth', layers: readonly PictureLayer[]): PictureLayer | null {
  return sentOf(layers)[quality === 'high' ? 0 : 1] ?? null
}

export function layerRequest(wish: Quality, layers: readonly PictureLayer[]): LayerRequest {
  const quality = effectiveQuality(wish, layers)
  if (quality === 'slides' || quality === 'audio') return { mode: quality }
  if (quality === 'auto') return {}
  const rid = layerOf(quality, layers)?.rid
  return rid === undefined ? {} : { rid }
}

export function layerWord(place: number, count: number): LayerWord {
  if (place === 0) return 'high'
  return place === 1 || count < 3 ? 'smooth' : 'small'
}

/** What automatic shows now; null where there is only one size, or before the node has said. */
export function shownWord(layers: readonly PictureLayer[]): LayerWord | null {
  const place = layers.findIndex((layer) => layer.selected)
  return place < 0 || layers.length < 2 ? null : layerWord(place, layers.length)
}

/** The `layers` event: `{"<m-line index>": [layer, …]}`; null when it is something else. */
export function readLayers(data: unknown): PictureLayer[] | null {
  if (!isRecord(data)) return null
  const list = Object.values(data).find(Array.isArray) as unknown[] | undefined
  return list?.flatMap((each) => (isRecord(each) && typeof each['rid'] === 'string' ? [readLayer(each, each['rid'])] : [])) ?? null
}

function readLayer(data: Record<string, unknown>, rid: string): PictureLayer {
  const number = (key: string) => (typeof data[key] === 'number' ? data[key] : 0)
  return { rid, bitrate: number('bitrate'), width: number('width'), height: number('height'), selected: data['selected'] === true }
}

function sentOf(layers: readonly PictureLayer[]): readonly PictureLayer[] {
  return layers.filter((layer) => layer.bitrate > 0)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
