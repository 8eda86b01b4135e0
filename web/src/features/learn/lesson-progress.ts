// How far a lesson was watched, for lists and for "go on".
import type { LessonSummary } from '@/api/types'

const END_MS = 10_000 // nobody needs to see the last seconds of the goodbye
const JUST_OPENED_MS = 5_000

type Watched = Pick<LessonSummary, 'position_ms' | 'duration_ms'>

/** 0…1; 1 when only the end is left. */
export function watchedShare({ position_ms, duration_ms }: Watched): number {
  if (duration_ms <= 0 || position_ms < JUST_OPENED_MS) return 0
  return position_ms >= duration_ms - END_MS ? 1 : position_ms / duration_ms
}

/** Where to go on; 0 is from the start. */
export function resumeAt(lesson: Watched): number {
  const share = watchedShare(lesson)
  return share > 0 && share < 1 ? lesson.position_ms : 0
}

export function begun(lessons: readonly LessonSummary[]): LessonSummary[] {
  return lessons.filter((lesson) => lesson.watchable && resumeAt(lesson) > 0)
}

/** The lesson of a course to open next: the one begun, else the first not watched. */
export function nextLesson(lessons: readonly LessonSummary[]): LessonSummary | null {
  return (
    lessons.find((lesson) => resumeAt(lesson) > 0) ??
    lessons.find((lesson) => watchedShare(lesson) === 0 && (lesson.watchable || lesson.state !== 'failed')) ??
    lessons[0] ??
    null
  )
}
