import { describe, expect, it } from 'vitest'
import { tagsOf } from '@/features/learn/course-tags'
import { lineAt } from './transcript'

const lines = [5_000, 9_000, 30_000].map((start_ms) => ({ start_ms, end_ms: start_ms + 3_000, text: '' }))

describe('the line that is being said', () => {
  it.each([
    [0, -1],
    [4_999, -1],
    [5_000, 0],
    [9_000, 1],
    [29_999, 1],
    [99_000, 2],
  ])('at %i ms is line %i', (position, line) => {
    expect(lineAt(lines, position)).toBe(line)
  })

  it('is none where nothing is said', () => {
    expect(lineAt([], 1_000)).toBe(-1)
  })
})

describe('the tags of courses', () => {
  it('come once each, the most used first', () => {
    const tags = (crops: string[], seasons: string[]) => ({ tags: { crops, seasons, counties: [] } })
    expect(tagsOf([tags(['茶'], ['冬季']), tags(['柑橘'], ['冬季'])])).toEqual(['冬季', '茶', '柑橘'])
  })
})
