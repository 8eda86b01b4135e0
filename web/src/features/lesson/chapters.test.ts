import { describe, expect, it } from 'vitest'
import type { Chapter, Clip } from '@/api/types'
import { clipOf } from './chapters'

const makeChapter = (start_ms: number, end_ms: number, product_id: string | null): Chapter => ({ start_ms, end_ms, product_id, title: '' })
const makeClip = (id: string, at_ms: number, product_id: string | null): Clip => ({
  id,
  at_ms,
  product_id,
  lesson_id: 'l',
  pinned_lesson_id: null,
  title: '',
  video_url: '',
  poster_url: null,
  duration_ms: 20_000,
})

describe('the clip of a chapter', () => {
  const clips = [makeClip('tea', 10_033, 'tea'), makeClip('own', 12_000, null), makeClip('again', 60_000, 'tea')]

  it('is the one that shows the same product from there on', () => {
    expect(clipOf(makeChapter(10_000, 40_000, 'tea'), clips)?.id).toBe('tea')
    expect(clipOf(makeChapter(60_400, 90_000, 'tea'), clips)?.id).toBe('again')
  })

  it('is none where nothing was cut, or something else', () => {
    expect(clipOf(makeChapter(10_000, 40_000, 'oranges'), clips)).toBeNull()
    expect(clipOf(makeChapter(100_000, 140_000, 'tea'), clips)).toBeNull()
  })
})
