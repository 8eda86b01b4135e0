// @vitest-environment happy-dom
import { beforeEach, expect, it } from 'vitest'
import type { Lesson } from '@/api/types'
import { costOf, firstQuality, LISTEN, offerLabel, offersOf, qualityOf, rememberQuality, SLIDES } from './quality'

const rendition = (height: number, bytes: number) => ({ name: `${height}p`, width: 0, height, bandwidth: 1, bytes })
const renditions = [rendition(144, 4_000_000), rendition(360, 10_000_000), rendition(720, 30_000_000)]

function lesson(change: Partial<Lesson>): Lesson {
  return {
    id: 'l1', title: '', course_id: null, host_name: '', poster_url: null, duration_ms: 100_000, bytes: 4_000_000,
    watchable: true, state: 'ready', stage: null, progress: 1, created_at: '', position_ms: 0, host_id: 'h1', playlist_url: '/x', thumbs_url: null,
    waveform_url: null, renditions, sounds: [], chapters: [], error: null,
    watched_ms: 0, reached_ms: 0, intervals: [], done: false, subtitles_url: null, no_skip: false, inserts: [], gaps: null, filled: null, ...change,
  }
}

beforeEach(() => localStorage.clear())

it('costs a range when the player chooses, and one size when the learner did', () => {
  expect(costOf(lesson({}), 'auto', 0)).toEqual({ from: 4_000_000, to: 30_000_000 })
  expect(costOf(lesson({}), 360, 0)).toEqual({ from: 10_000_000, to: 10_000_000 })
})

it('calls no two offers the same', () => {
  const all = [rendition(144, 1), rendition(240, 2), rendition(360, 3), rendition(480, 4), rendition(720, 5)]
  const labels = offersOf(lesson({ renditions: all })).map((offer) => offerLabel(offer, (key) => key))
  expect(labels).toContain('learn.lesson.smooth · 480p')
  expect(new Set(labels).size).toBe(all.length)
})

it('costs only the rest after going on', () => {
  expect(costOf(lesson({}), 360, 75_000)).toEqual({ from: 2_500_000, to: 2_500_000 })
})

it('costs what the recording takes before there are renditions', () => {
  expect(costOf(lesson({ renditions: [] }), 'auto', 0)).toEqual({ from: 4_000_000, to: 4_000_000 })
  expect(costOf(lesson({ renditions: [], bytes: 0 }), 'auto', 0)).toBeNull()
})

it('gives the smallest picture to a phone that saves data, and the remembered one to everybody else', () => {
  expect(firstQuality(lesson({}), true)).toBe(144)
  expect(firstQuality(lesson({}), false)).toBe('auto')
  rememberQuality(480)
  expect(firstQuality(lesson({}), true)).toBe(360)
  rememberQuality('auto')
  expect(firstQuality(lesson({}), true)).toBe('auto')
})

it('offers slides to whoever asks for them, and gives them to nobody else', () => {
  const slides = { ...rendition(240, 2_000_000), name: 'slides' }
  const all = [...renditions, slides]
  expect(qualityOf(slides)).toBe(SLIDES)
  expect(costOf(lesson({ renditions: all }), SLIDES, 0)).toEqual({ from: 2_000_000, to: 2_000_000 })
  expect(firstQuality(lesson({ renditions: all }), true)).toBe(144)
  rememberQuality(SLIDES)
  expect(firstQuality(lesson({ renditions: all }), false)).toBe(SLIDES)
})

const MB = 1_000_000
const sound = { name: 'low', playlist_url: '/files/public/assets/a/1/sound-low/index.m3u8', bandwidth: 24_000, bytes: 2 * MB }
const library = lesson({ renditions: [rendition(360, 30 * MB), rendition(144, 8 * MB), { ...rendition(240, 3 * MB), name: 'slides' }], sounds: [sound] })

it('offers the sound first, then slides and pictures, each with its size', () => {
  expect(offersOf(library).map(({ name, bytes }) => [name, bytes / MB])).toEqual([['sound-low', 2], ['slides', 3], ['144p', 8], ['360p', 30]])
})

it('offers a lesson of sound alone in each of its sounds', () => {
  const sounds = [sound, { ...sound, name: 'medium', bytes: 4 * MB }]
  expect(offersOf({ renditions: [rendition(0, 5 * MB)], sounds }).map(({ name }) => name)).toEqual(['sound-low', 'sound-medium'])
})

it('lets who only listens pay for the sound alone, and remembers him', () => {
  expect(costOf(library, LISTEN, 0)).toEqual({ from: 2 * MB, to: 2 * MB })
  expect(costOf(library, 'auto', 0)).toEqual({ from: 3 * MB, to: 30 * MB })
  rememberQuality(LISTEN)
  expect(firstQuality(library, false)).toBe(LISTEN)
  expect(firstQuality(lesson({}), false)).toBe(144)
})
