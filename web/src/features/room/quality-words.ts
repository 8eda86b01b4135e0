// The quality menu in plain words: what each choice shows and what it costs in data.
import { effectiveQuality, layerOf, offeredQualities, type PictureLayer, type Quality, shownWord } from '@/media/picture-choice'

/** What the menu offers: a quality over the fast line, or the steady line. */
export type Wish = Quality | 'steady'

type Translate = (key: string, words?: Record<string, unknown>) => string

export interface QualityChoice {
  value: Wish
  label: string
  note: string
}

/** What the node keeps slides below; speech in Opus with its headers. */
const SLIDES_BITRATE = 55_000
const SOUND_BITRATE = 40_000

/** 1_840_000 bit/s -> "14", 40_000 -> "0.3": megabytes a minute, as mobile plans count them. */
export function megabytesPerMinute(bitrate: number): string {
  const megabytes = (bitrate * 60) / 8 / 1_000_000
  return megabytes < 9.95 ? megabytes.toFixed(1) : String(Math.round(megabytes))
}

/** On the button: "Auto" says what it shows now. */
export function qualityLabel(t: Translate, wish: Wish, layers: readonly PictureLayer[]): string {
  if (wish === 'steady') return t('room.picture.steady')
  const quality = effectiveQuality(wish, layers)
  const shown = quality === 'auto' ? shownWord(layers) : null
  return shown ? t('room.picture.autoNow', { layer: t(`room.picture.layer.${shown}`) }) : t(`room.picture.${quality}`)
}

export function qualityChoices(t: Translate, layers: readonly PictureLayer[]): QualityChoice[] {
  const fast = offeredQualities(layers).map((value): QualityChoice => {
    const bitrate = bitrateOf(value, layers)
    const cost = bitrate > 0 ? t('room.picture.cost', { size: megabytesPerMinute(bitrate) }) : ''
    return { value, label: qualityLabel(t, value, layers), note: [t(`room.picture.note.${value}`), cost].filter(Boolean).join(' · ') }
  })
  return [...fast, { value: 'steady', label: t('room.picture.steady'), note: t('room.picture.note.steady') }]
}

function bitrateOf(quality: Quality, layers: readonly PictureLayer[]): number {
  if (quality === 'slides') return SLIDES_BITRATE
  if (quality === 'audio') return SOUND_BITRATE
  const layer = quality === 'auto' ? layers.find(({ selected }) => selected) : layerOf(quality, layers)
  return layer && layer.bitrate > 0 ? layer.bitrate + SOUND_BITRATE : 0
}
