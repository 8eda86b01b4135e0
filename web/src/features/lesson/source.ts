// Where a player reads a lesson from: the pack on the device, the sound alone, or all renditions; pure.
import type { Lesson } from '@/api/types'
import type { Pack } from '@/features/offline/pack'
import { hasPictures, LISTEN, type Quality, SLIDES } from './quality'

export interface Source {
  url: string
  /** The playlist of the lesson that it belongs to: changes when the lesson is made again. */
  edition: string
  isOnDevice: boolean
}

/** A pack that can be played: also one of an older edition where there is no network. */
export function isPlayable(pack: Pack | null, online: boolean): pack is Pack {
  return pack?.state === 'ready' && (!pack.isOutdated || !online)
}

export function sourceOf(lesson: Lesson, quality: Quality, pack: Pack | null, online: boolean): Source | null {
  if (isPlayable(pack, online) && (pack.quality === quality || !online)) return { url: pack.playUrl, edition: pack.edition, isOnDevice: true }
  const edition = lesson.playlist_url
  if (edition === null) return null
  const sound = quality === LISTEN && hasPictures(lesson) ? lesson.sounds[0] : undefined
  return { url: sound?.playlist_url ?? edition, edition, isOnDevice: false }
}

/** What is played of a wish when no more than `most` may be loaded; the smallest ones leave the player no choice. */
export function within(wish: Quality, most: (Quality & number) | null): Quality {
  if (most === null) return wish
  return wish === 'auto' && most !== LISTEN && most !== SLIDES ? 'auto' : most
}
