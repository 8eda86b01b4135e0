import { expect, it } from 'vitest'
import type { Lesson } from '@/api/types'
import { SLIDES } from './quality'
import { thrift } from './thrift'

const MB = 1_000_000
const rendition = (name: string, height: number, bytes: number) => ({ name, width: 2 * height, height, bandwidth: 1, bytes })
const lesson = {
  duration_ms: 600_000, bytes: 3 * MB,
  renditions: [rendition('360p', 360, 30 * MB), rendition('144p', 144, 8 * MB), rendition('slides', 240, 3 * MB)],
  sounds: [{ name: 'low', playlist_url: '', bandwidth: 24_000, bytes: 2 * MB }],
} as unknown as Lesson

it('shows what was wished for as long as it fits, and always without a limit', () => {
  expect(thrift(lesson, 'auto', 0, null)).toEqual({ kind: 'fits' })
  expect(thrift(lesson, 'auto', 0, 30 * MB)).toEqual({ kind: 'fits' })
  expect(thrift(lesson, 144, 0, 8 * MB)).toEqual({ kind: 'fits' })
})

it('takes the best that is left for, down to the sound alone', () => {
  expect(thrift(lesson, 'auto', 0, 29 * MB)).toEqual({ kind: 'lower', most: 144 })
  expect(thrift(lesson, 360, 0, 7 * MB)).toEqual({ kind: 'lower', most: SLIDES })
  expect(thrift(lesson, 360, 0, 2.5 * MB)).toEqual({ kind: 'lower', most: 0 })
})

it('never shows more than was wished for', () => {
  expect(thrift(lesson, SLIDES, 0, 2.5 * MB)).toEqual({ kind: 'lower', most: 0 })
})

it('counts only what is still to be watched', () => {
  expect(thrift(lesson, 360, 300_000, 15 * MB)).toEqual({ kind: 'fits' })
  expect(thrift(lesson, 360, 300_000, 14 * MB)).toEqual({ kind: 'lower', most: 144 })
  expect(thrift(lesson, 360, 700_000, 0)).toEqual({ kind: 'fits' })
})

it('asks where not even the sound is left for', () => {
  expect(thrift(lesson, 'auto', 300_000, 0.5 * MB)).toEqual({ kind: 'short', cheapest: 0, bytes: MB })
})

it('knows a recording without renditions by its one size', () => {
  const raw = { ...lesson, renditions: [], sounds: [] }
  expect(thrift(raw, 'auto', 0, 3 * MB)).toEqual({ kind: 'fits' })
  expect(thrift(raw, 'auto', 0, 2 * MB)).toMatchObject({ kind: 'short', bytes: 3 * MB })
})
