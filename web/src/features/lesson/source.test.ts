import { expect, it } from 'vitest'
import type { Lesson } from '@/api/types'
import type { Pack } from '@/features/offline/pack'
import { SLIDES } from './quality'
import { movedPlace, sourceOf, within } from './source'

const EDITION = '/files/public/assets/a/2/master.m3u8'
const lesson = {
  playlist_url: EDITION,
  renditions: [{ name: '144p', width: 256, height: 144, bandwidth: 1, bytes: 1 }],
  sounds: [{ name: 'low', playlist_url: '/files/public/assets/a/2/sound-low/index.m3u8', bandwidth: 1, bytes: 1 }],
} as unknown as Lesson
const pack = { state: 'ready', quality: 144, playUrl: '/packs/u.1/master.m3u8', edition: EDITION, isOutdated: false, lesson: {} } as Pack

it('plays what is on the device, also with a network', () => {
  expect(sourceOf(lesson, 144, pack, true)).toEqual({ url: pack.playUrl, edition: EDITION, isOnDevice: true, inserts: [] })
})

it('loads what somebody explicitly wants better than what is on the device', () => {
  expect(sourceOf(lesson, 360, pack, true)).toMatchObject({ url: EDITION, isOnDevice: false })
  expect(sourceOf(lesson, 360, pack, false)).toMatchObject({ isOnDevice: true })
})

it('plays an older edition only where there is nothing newer', () => {
  const old = { ...pack, isOutdated: true }
  expect(sourceOf(lesson, 144, old, true)).toMatchObject({ isOnDevice: false })
  expect(sourceOf(lesson, 144, old, false)).toMatchObject({ isOnDevice: true })
})

it('plays no pack that is not whole', () => {
  expect(sourceOf(lesson, 144, { ...pack, state: 'loading' }, false)).toMatchObject({ isOnDevice: false })
})

it('loads the sound alone for who only listens', () => {
  expect(sourceOf(lesson, 0, null, true)?.url).toBe(lesson.sounds[0]?.playlist_url)
  expect(sourceOf({ ...lesson, renditions: [] }, 0, null, true)?.url).toBe(EDITION)
  expect(sourceOf({ ...lesson, playlist_url: null }, 0, null, true)).toBeNull()
})

it('lets the player choose below a bound, and gives it the smallest without a choice', () => {
  expect([within('auto', null), within(360, null), within('auto', 144), within(360, 144)]).toEqual(['auto', 360, 'auto', 144])
  expect([within('auto', 0), within('auto', SLIDES), within(360, SLIDES)]).toEqual([0, SLIDES, SLIDES])
})

it('a place moves with what was put in before it, and back', () => {
  const inserts = [{ at_ms: 4_000, length_ms: 3_000 }, { at_ms: 10_000, length_ms: 1_000 }]
  for (const [before, after] of [[0, 0], [3_999, 3_999], [4_000, 7_000], [9_999, 12_999], [10_000, 14_000], [20_000, 24_000]] as const) {
    expect(movedPlace(before, [], inserts)).toBe(after)
    expect(movedPlace(after, inserts, [])).toBe(before)
    expect(movedPlace(after, inserts, inserts)).toBe(after)
  }
  expect([movedPlace(5_000, inserts, []), movedPlace(13_500, inserts, [])]).toEqual([4_000, 10_000])
})
