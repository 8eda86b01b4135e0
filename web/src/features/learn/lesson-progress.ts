// How much of a lesson was watched, and where to go on: two things, for who jumps to the end has not watched it.
import type { LessonSummary } from '@/api/types'

const END_MS = 10_000 // nobody needs to see the last seconds of the goodbye
const JUST_OPENED_MS = 5_000
const NEARLY = 0.99 // whatever is not done is less than all of it

type Watched = Pick<LessonSummary, 'watched_ms' | 'duration_ms' | 'done'>
type Place = Pick<LessonSummary, 'position_ms' | 'duration_ms'>

/** 0…1 of it was watched; 1 when it counts as done. */
export function watchedShare({ watched_ms, duration_ms, done }: Watched): number {
  if (done) return 1
  return duration_ms > 0 && watched_ms >= JUST_OPENED_MS ? Math.min(watched_ms / duration_ms, NEARLY) : 0
}

/** Where to go on; 0 is from the start. */
export function resumeAt({ position_ms, duration_ms }: Place): number {
  return position_ms >= JUST_OPENED_MS && position_ms < duration_ms - END_MS ? position_ms : 0
}

function isBegun(lesson: LessonSummary): boolean {
  return !lesson.done && resumeAt(lesson) > 0
}

export function begun(lessons: readonly LessonSummary[]): LessonSummary[] {
  return lessons.filter((lesson) => lesson.watchable && isBegun(lesson))
}

/** The lesson of a course to open next: the one begun, else the first that is not done. */
export function nextLesson(lessons: readonly LessonSummary[]): LessonSummary | null {
  return (
    lessons.find(isBegun) ??
    lessons.find((lesson) => !lesson.done && (lesson.watchable || lesson.state !== 'failed')) ??
    lessons[0] ??
    null
  )
}
