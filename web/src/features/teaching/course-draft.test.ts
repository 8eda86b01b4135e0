import { describe, expect, it } from 'vitest'
import { addLessons, chaptersOf, dropLesson, moveChapter, moveLesson, wordsOf } from './course-draft'

const two = [
  { title: '剪', lesson_ids: ['a', 'b'] },
  { title: '肥', lesson_ids: ['c'] },
]
const ids = (chapters: readonly { lesson_ids: string[] }[]) => chapters.map(({ lesson_ids }) => lesson_ids.join(''))

describe('a lesson', () => {
  it('moves within its chapter', () => expect(ids(moveLesson(two, 0, 0, 1))).toEqual(['ba', 'c']))
  it('moves into the next chapter at the edge', () => expect(ids(moveLesson(two, 0, 1, 1))).toEqual(['a', 'bc']))
  it('moves back to the end of the chapter before', () => expect(ids(moveLesson(two, 1, 0, -1))).toEqual(['abc', '']))
  it('stays where there is nothing to move to', () => expect(ids(moveLesson(two, 0, 0, -1))).toEqual(['ab', 'c']))
  it('leaves the course', () => expect(ids(dropLesson(two, 'b'))).toEqual(['a', 'c']))
  it('is in one place only', () => expect(ids(addLessons(two, 1, ['a', 'd']))).toEqual(['b', 'cad']))
})

describe('chapters', () => {
  it('change places', () => expect(ids(moveChapter(two, 1, -1))).toEqual(['c', 'ab']))
  it('take in what was uploaded, and lose what is gone', () => {
    expect(ids(chaptersOf({ chapters: two }, ['a', 'c', 'new'], ''))).toEqual(['a', 'cnew'])
  })
  it('are one at least', () => expect(chaptersOf({ chapters: [] }, ['a'], '第一章')).toEqual([{ title: '第一章', lesson_ids: ['a'] }]))
})

describe('words that somebody types', () => {
  it('come once each', () => expect(wordsOf(' 柑橘，茶 柑橘、\n稻')).toEqual(['柑橘', '茶', '稻']))
})
