import { expect, it } from 'vitest'
import type { Lesson } from '@/api/types'
import { afterLook, isMine, missingOf, type Pack, packId, percentOf, whyNot } from './pack'

const MB = 1_000_000
const EDITION = '/files/public/assets/a/1/master.m3u8'
const rendition = (name: string, height: number, bytes: number) => ({ name, width: height * 2, height, bandwidth: 1, bytes })
const sound = { name: 'low', playlist_url: '/files/public/assets/a/1/sound-low/index.m3u8', bandwidth: 24_000, bytes: 2 * MB }
const lesson = {
  title: '修剪', playlist_url: EDITION,
  renditions: [rendition('360p', 360, 30 * MB), rendition('144p', 144, 8 * MB), rendition('slides', 240, 3 * MB)],
  sounds: [sound],
} as Lesson
const pack = (more: Partial<Pack> = {}): Pack => ({
  id: 'u.1', ownerId: 'u', lesson, name: '144p', quality: 144, edition: EDITION, playUrl: '', bytes: 8 * MB, loadedBytes: 0,
  state: 'loading', trouble: null, isOutdated: false, files: [], subtitles: null, quiz: null, keptAt: 0, ...more,
})

it('refuses what is over the limit of the device, counting what is still on its way', () => {
  const room = { limitBytes: 20 * MB, freeBytes: 1_000 * MB }
  const kept = [pack({ id: 'u.1', bytes: 8 * MB, loadedBytes: 1 * MB })]
  expect(whyNot(kept, { id: 'u.2', bytes: 12 * MB }, room)).toBeNull()
  expect(whyNot(kept, { id: 'u.2', bytes: 12 * MB + 1 }, room)).toBe('limit')
})

it('refuses what the device has no room for', () => {
  const room = { limitBytes: 500 * MB, freeBytes: 10 * MB }
  expect(whyNot([], { id: 'u.1', bytes: 11 * MB }, room)).toBe('full')
  expect(whyNot([pack({ loadedBytes: 8 * MB })], { id: 'u.2', bytes: 9 * MB }, room)).toBeNull()
  expect(whyNot([pack({ loadedBytes: 0 })], { id: 'u.2', bytes: 9 * MB }, room)).toBe('full')
})

it('a pack that is loaded again in another size counts once', () => {
  const room = { limitBytes: 10 * MB, freeBytes: 1_000 * MB }
  expect(whyNot([pack({ bytes: 8 * MB })], { id: 'u.1', bytes: 10 * MB }, room)).toBeNull()
})

it('is whole only when it is ready', () => {
  expect(percentOf(pack({ loadedBytes: 8 * MB }))).toBe(99)
  expect(percentOf(pack({ loadedBytes: 4 * MB }))).toBe(50)
  expect(percentOf(pack({ bytes: 0 }))).toBe(0)
  expect(percentOf(pack({ state: 'ready' }))).toBe(100)
})

it('goes on with what is missing', () => {
  expect(missingOf(['a', 'b', 'c'], new Set(['b']))).toEqual(['a', 'c'])
})

it('is another one for each person, and for nobody but him', () => {
  expect(packId('u', '1')).not.toBe(packId('v', '1'))
  expect([isMine(pack(), 'u'), isMine(pack(), 'v'), isMine(pack(), null)]).toEqual([true, false, false])
  expect(isMine(pack({ ownerId: null }), 'v')).toBe(true)
})

it('is out of date when the lesson was made again, and takes over what was only renamed', () => {
  const renamed = { ...lesson, title: '冬剪' }
  expect(afterLook(pack(), renamed)).toMatchObject({ isOutdated: false, lesson: { title: '冬剪' } })
  const again = afterLook(pack(), { ...renamed, playlist_url: '/files/public/assets/a/2/master.m3u8' })
  expect(again).toMatchObject({ isOutdated: true, lesson: { title: '冬剪', playlist_url: EDITION } })
})
