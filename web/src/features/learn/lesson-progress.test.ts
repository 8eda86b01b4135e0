import { expect, it } from 'vitest'
import type { LessonSummary } from '@/api/types'
import { begun, nextLesson, resumeAt, watchedShare } from './lesson-progress'

function lesson(id: string, position_ms: number, { state = 'ready', watchable = true }: Partial<LessonSummary> = {}): LessonSummary {
  return {
    id, title: id, course_id: null, host_name: '', poster_url: null, duration_ms: 600_000, bytes: 1, watchable, state, progress: 1,
    created_at: '', position_ms,
  }
}

it('goes on where a learner stopped, but not in the first or the last seconds', () => {
  expect(resumeAt(lesson('a', 3_000))).toBe(0)
  expect(resumeAt(lesson('a', 90_000))).toBe(90_000)
  expect(resumeAt(lesson('a', 595_000))).toBe(0)
  expect(watchedShare(lesson('a', 595_000))).toBe(1)
})

it('opens the begun lesson of a course, else the first that is new', () => {
  const [done, started, fresh] = [lesson('done', 600_000), lesson('started', 60_000), lesson('fresh', 0)]
  expect(nextLesson([done, fresh, started])?.id).toBe('started')
  expect(nextLesson([done, fresh])?.id).toBe('fresh')
  expect(nextLesson([done])?.id).toBe('done')
  expect(nextLesson([])).toBeNull()
})

it('offers to go on with what can be watched, also while its smaller pictures are made', () => {
  const lessons = [
    lesson('ready', 60_000),
    lesson('replay', 60_000, { state: 'working' }),
    lesson('upload', 60_000, { state: 'working', watchable: false }),
    lesson('new', 0),
  ]
  expect(begun(lessons).map(({ id }) => id)).toEqual(['ready', 'replay'])
})
