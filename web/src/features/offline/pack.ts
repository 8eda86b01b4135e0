// A lesson kept on the device: what is in it, how large it is, whether it still fits; pure.
import type { Lesson, LessonProgress, Quiz, SubtitleLine } from '@/api/types'
import { type Offer, offersOf, type Quality } from '@/features/lesson/quality'

/** Why a pack stands still though nobody stopped it. */
export type Trouble = 'network' | 'full' | 'limit' | 'budget' | 'gone'

export type PackState = 'loading' | 'stopped' | 'ready'

export interface Pack {
  /** `{owner}.{lesson}`: two people of one family keep the same lesson apart; `.next` behind it: see `renewalId`. */
  id: string
  /** Where its files are. Each download has a place of its own; older ones were kept under their id. */
  shelf?: string
  /** Whose it is; null: of somebody who was not signed in, and anybody's. */
  ownerId: string | null
  lesson: Lesson
  /** The rendition, and what a player calls it. */
  name: string
  quality: Quality
  /** The edition of the lesson that it was made of: its playlist. */
  edition: string
  playUrl: string
  /** What was said beforehand, and what is there. */
  bytes: number
  loadedBytes: number
  state: PackState
  trouble: Trouble | null
  /** The lesson was made again since: it still plays without a network. */
  isOutdated: boolean
  /** What the new edition takes in this size; none while it is made. */
  newBytes?: number | null
  files: string[]
  subtitles: { text: string; lines: SubtitleLine[] } | null
  /** Its questions, which never bring their answers along. */
  quiz: Quiz | null
  keptAt: number
}

export function packId(ownerId: string | null, lessonId: string): string {
  return `${ownerId ?? 'guest'}.${lessonId}`
}

const NEXT = '.next'

/** The pack that is loaded beside one that can be watched, to take its place when it is whole. */
export function renewalId(id: string): string {
  return id + NEXT
}

export function isRenewal({ id }: Pick<Pack, 'id'>): boolean {
  return id.endsWith(NEXT)
}

/** The pack of which a renewal takes the place. */
export function renewedId(id: string): string {
  return id.slice(0, -NEXT.length)
}

export function shelfOf({ id, shelf }: Pick<Pack, 'id' | 'shelf'>): string {
  return shelf ?? id
}

const MASTER = 'master.m3u8'

/** An address that only this device has. */
export function masterUrl(shelf: string): string {
  return `/packs/${shelf}/${MASTER}`
}

export function isMine(pack: Pick<Pack, 'ownerId'>, userId: string | null): boolean {
  return pack.ownerId === null || pack.ownerId === userId
}

export interface Room {
  /** What this device may keep altogether, and what the browser gives it. */
  limitBytes: number
  freeBytes: number
}

/** Why something of this size can't be added; null: it can. Packs count with what they will be. */
export function whyNot(packs: readonly Pick<Pack, 'id' | 'bytes' | 'loadedBytes'>[], wanted: { id: string; bytes: number }, room: Room): 'limit' | 'full' | null {
  const others = packs.filter(({ id }) => id !== wanted.id)
  const missing = packs.reduce((sum, { bytes, loadedBytes }) => sum + Math.max(0, bytes - loadedBytes), 0)
  const before = packs.find(({ id }) => id === wanted.id)
  const unplanned = before ? wanted.bytes - Math.max(before.bytes, before.loadedBytes) : wanted.bytes
  if (totalBytes(others) + wanted.bytes > room.limitBytes) return 'limit'
  return missing + unplanned > room.freeBytes ? 'full' : null
}

export function totalBytes(packs: readonly Pick<Pack, 'bytes' | 'loadedBytes'>[]): number {
  return packs.reduce((sum, { bytes, loadedBytes }) => sum + Math.max(bytes, loadedBytes), 0)
}

export function percentOf({ bytes, loadedBytes, state }: Pick<Pack, 'bytes' | 'loadedBytes' | 'state'>): number {
  if (state === 'ready') return 100
  return bytes > 0 ? Math.min(99, Math.floor((loadedBytes / bytes) * 100)) : 0
}

/** What a pack holds beside its files: it takes room, too. */
export function besideBytes({ subtitles, quiz }: Pick<Pack, 'subtitles' | 'quiz'>): number {
  return subtitles || quiz ? new Blob([JSON.stringify([subtitles, quiz])]).size : 0
}

export function missingOf(files: readonly string[], there: Pick<ReadonlySet<string>, 'has'>): string[] {
  return files.filter((file) => !there.has(file))
}

/** How many inserts had been put into a lesson by then; packs of before there were any know of none. */
export function insertsOf({ inserts }: { inserts?: Lesson['inserts'] }): number {
  return inserts?.length ?? 0
}

/** The same edition in the same size. */
export function isSame(one: Pick<Pack, 'edition' | 'name'>, other: Pick<Pack, 'edition' | 'name'>): boolean {
  return one.edition === other.edition && one.name === other.name
}

/** A lesson in the size in which it is kept, or in the smallest one. */
export function sameOffer(lesson: Lesson, { name }: Pick<Pack, 'name'>): Offer | undefined {
  const offers = offersOf(lesson)
  return offers.find((offer) => offer.name === name) ?? offers[0]
}

/** What the server knows of a lesson by now changes what is kept of it. */
export function afterLook(pack: Pack, lesson: Lesson): Pack {
  const isOutdated = lesson.playlist_url !== pack.edition
  // An older edition keeps its own chapters and length: those of the newer one may lie elsewhere.
  const newBytes = isOutdated ? (sameOffer(lesson, pack)?.bytes ?? null) : null
  return { ...pack, isOutdated, newBytes, lesson: isOutdated ? { ...pack.lesson, title: lesson.title } : lesson }
}

/** The lesson as it is shown without a network, with what was watched on this device. */
export function shownOffline(pack: Pack, progress: LessonProgress): Lesson {
  return { ...pack.lesson, ...progress, thumbs_url: null }
}
