// Where a player reads a lesson from: the pack on the device, the sound alone, or all renditions; pure.
import type { Insert, Lesson } from '@/api/types'
import type { Pack } from '@/features/offline/pack'
import { hasPictures, LISTEN, type Quality, SLIDES } from './quality'

export interface Source {
  url: string
  /** The playlist of the lesson that it belongs to: changes when the lesson is made again. */
  edition: string
  isOnDevice: boolean
  /** What filling had put into it by then. */
  inserts: readonly Insert[]
}

/** A pack that can be played: also one of an older edition where there is no network. */
export function isPlayable(pack: Pack | null, online: boolean): pack is Pack {
  return pack?.state === 'ready' && (!pack.isOutdated || !online)
}

export function sourceOf(lesson: Lesson, quality: Quality, pack: Pack | null, online: boolean): Source | null {
  if (isPlayable(pack, online) && (pack.quality === quality || !online)) return { url: pack.playUrl, edition: pack.edition, isOnDevice: true, inserts: pack.lesson.inserts ?? [] }
  const edition = lesson.playlist_url
  if (edition === null) return null
  const sound = quality === LISTEN && hasPictures(lesson) ? lesson.sounds[0] : undefined
  return { url: sound?.playlist_url ?? edition, edition, isOnDevice: false, inserts: lesson.inserts ?? [] }
}

/** What is played of a wish when no more than `most` may be loaded; the smallest ones leave the player no choice. */
export function within(wish: Quality, most: (Quality & number) | null): Quality {
  if (most === null) return wish
  return wish === 'auto' && most !== LISTEN && most !== SLIDES ? 'auto' : most
}

/** A place of one edition in another: a replay is filled once, so the longer one has what the other lacks. */
export function movedPlace(ms: number, from: readonly Insert[], to: readonly Insert[]): number {
  if (to.length > from.length) return to.reduce((sum, { at_ms, length_ms }) => (at_ms <= ms ? sum + length_ms : sum), ms)
  let before = ms
  let shift = 0
  for (const { at_ms, length_ms } of from.length > to.length ? from : []) {
    const into = ms - shift - at_ms
    if (into < 0) break
    before = into < length_ms ? at_ms : ms - shift - length_ms
    shift += length_ms
  }
  return before
}
