import { expect, it } from 'vitest'
import type { LessonSummary } from '@/api/types'
import { begun, nextLesson, resumeAt, watchedShare } from './lesson-progress'

function lesson(
  id: string,
  position_ms: number,
  { state = 'ready', watchable = true, watched_ms = position_ms, done = false }: Partial<LessonSummary> = {},
): LessonSummary {
  return {
    id, title: id, course_id: null, host_name: '', poster_url: null, duration_ms: 600_000, bytes: 1, watchable, state, progress: 1,
    created_at: '', position_ms, watched_ms, done,
  }
}

it('goes on where a learner stopped, but not in the first or the last seconds', () => {
  expect(resumeAt(lesson('a', 3_000))).toBe(0)
  expect(resumeAt(lesson('a', 90_000))).toBe(90_000)
  expect(resumeAt(lesson('a', 595_000))).toBe(0)
})

it('counts what was watched, wherever the learner is by now', () => {
  expect(watchedShare(lesson('jumped to the end', 595_000, { watched_ms: 60_000 }))).toBe(0.1)
  expect(watchedShare(lesson('went back to a place', 60_000, { watched_ms: 580_000, done: true }))).toBe(1)
  expect(watchedShare(lesson('skipped a minute where that does not count', 0, { watched_ms: 600_000 }))).toBeLessThan(1)
  expect(watchedShare(lesson('only opened', 3_000))).toBe(0)
})

it('opens the begun lesson of a course, else the first that is new', () => {
  const done = lesson('done', 60_000, { done: true })
  const [started, fresh, jumped] = [lesson('started', 60_000), lesson('fresh', 0), lesson('jumped', 595_000, { watched_ms: 9_000 })]
  expect(nextLesson([done, fresh, started])?.id).toBe('started')
  expect(nextLesson([done, fresh])?.id).toBe('fresh')
  expect(nextLesson([done, jumped, fresh])?.id).toBe('jumped')
  expect(nextLesson([done])?.id).toBe('done')
  expect(nextLesson([])).toBeNull()
})

it('offers to go on with what can be watched, also while its smaller pictures are made', () => {
  const lessons = [
    lesson('ready', 60_000),
    lesson('replay', 60_000, { state: 'working' }),
    lesson('upload', 60_000, { state: 'working', watchable: false }),
    lesson('new', 0),
    lesson('watched again', 60_000, { done: true }),
  ]
  expect(begun(lessons).map(({ id }) => id)).toEqual(['ready', 'replay'])
})
