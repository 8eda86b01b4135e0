// How far a lesson's making is, in a list.
import type { LessonSummary } from '@/api/types'

type Translate = (key: string, words?: Record<string, unknown>) => string

/** Null: all of it is made, or nothing comes any more. */
export function makingWords(t: Translate, percent: (share: number) => number, lesson: LessonSummary): string | null {
  if (!isInMaking(lesson)) return null
  if (lesson.watchable) return t('learn.early')
  return lesson.state === 'working' ? t('learn.making', { percent: percent(lesson.progress) }) : t('learn.waiting')
}

export function isInMaking({ state }: Pick<LessonSummary, 'state'>): boolean {
  return state === 'waiting' || state === 'working'
}
