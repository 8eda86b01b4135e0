// Which picture a learner gets and what it costs in data.
import type { Lesson } from '@/api/types'
import { recall, remember } from '@/lib/storage'

/** `auto`, the height of a picture (0: only sound), or SLIDES: sound with a picture now and then. */
export type Quality = 'auto' | number

export const SLIDES = -1

/** What a rendition, or the playlist of one, is chosen by. */
export function qualityOf({ name, height }: { name: string; height: number }): Quality & number {
  return name === 'slides' ? SLIDES : height
}

const KEY = 'quality'

export function rememberQuality(quality: Quality): void {
  remember(KEY, String(quality))
}

export const LISTEN = 0

/** What a lesson can be had in, the cheapest first. */
export interface Offer {
  name: string
  quality: Quality & number
  bytes: number
}

export function hasPictures({ renditions }: Pick<Lesson, 'renditions'>): boolean {
  return renditions.some(({ height }) => height > 0)
}

/** The folder of a playlist of sound alone. */
export function soundName(name: string): string {
  return `sound-${name}`
}

export function offersOf(lesson: Pick<Lesson, 'renditions' | 'sounds'>): Offer[] {
  const pictures = lesson.renditions
    .map((rendition) => ({ name: rendition.name, quality: qualityOf(rendition), bytes: rendition.bytes }))
    .filter(({ quality }) => quality !== LISTEN)
  // Where there is nothing to see, the better sounds are a choice of their own.
  const sounds = pictures.length > 0 ? lesson.sounds.slice(0, 1) : lesson.sounds
  return [...sounds.map(({ name, bytes }) => ({ name: soundName(name), quality: LISTEN, bytes })), ...pictures].sort((a, b) => a.bytes - b.bytes)
}

/** What was chosen last; without a choice, a phone that saves data gets the smallest picture. */
export function firstQuality(lesson: Pick<Lesson, 'renditions' | 'sounds'>, savesData: boolean): Quality {
  const stored = recall(KEY)
  const qualities = offersOf(lesson).map(({ quality }) => quality)
  const heights = qualities.filter((quality) => quality > LISTEN).sort((a, b) => a - b)
  const [smallest] = heights
  if (smallest === undefined) return 'auto'
  if (stored === null) return savesData ? smallest : 'auto'
  const wanted = Number(stored)
  if (stored === 'auto' || Number.isNaN(wanted)) return 'auto'
  if (wanted <= LISTEN) return qualities.find((quality) => quality === wanted) ?? smallest
  return heights.filter((height) => height <= wanted).at(-1) ?? smallest
}

export interface Cost {
  from: number
  to: number
}

/** Bytes of what is still to be watched; a range when the player chooses by itself. */
export function costOf(lesson: Lesson, quality: Quality, fromMs: number): Cost | null {
  const rest = lesson.duration_ms > 0 ? 1 - fromMs / lesson.duration_ms : 1
  const listens = !hasPictures(lesson)
  const matching = offersOf(lesson).filter((offer) => (quality === 'auto' ? listens || offer.quality !== LISTEN : offer.quality === quality))
  const sizes = (matching.length > 0 ? matching.map(({ bytes }) => bytes) : [lesson.bytes]).filter((bytes) => bytes > 0)
  if (sizes.length === 0) return null
  return { from: Math.min(...sizes) * rest, to: Math.max(...sizes) * rest }
}

/** Key of the plain word for a picture of this height. */
export function qualityWord(height: number): string {
  if (height === SLIDES) return 'learn.lesson.slides'
  if (height === 0) return 'learn.lesson.audio'
  if (height <= 160) return 'learn.lesson.smallest'
  if (height <= 270) return 'learn.lesson.saving'
  if (height <= 540) return 'learn.lesson.smooth'
  return height <= 810 ? 'learn.lesson.sharp' : 'learn.lesson.sharpest'
}

/** What an offer is called where it can be chosen: pictures that share a word differ in their height. */
export function offerLabel({ name, quality }: Pick<Offer, 'name' | 'quality'>, t: (key: string) => string): string {
  const word = t(qualityWord(quality))
  return quality > LISTEN ? `${word} · ${name}` : word
}

interface NetworkInformation {
  saveData?: boolean
  effectiveType?: string
}

export function networkSavesData(): boolean {
  const { connection } = navigator as Navigator & { connection?: NetworkInformation }
  return connection?.saveData === true || /2g$/.test(connection?.effectiveType ?? '')
}
