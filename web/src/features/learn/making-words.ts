// How far a lesson's making is, and why it ended.
import type { Lesson, LessonSummary } from '@/api/types'

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

const OF_THE_SOURCE = new Set(['not_a_video', 'broken_source', 'truncated', 'too_long', 'too_large'])

/** Whether it could be made if it were tried once more: of a source that is no good nothing else becomes. */
export const mayBeMadeAgain = ({ error }: Pick<Lesson, 'error'>): boolean => error === null || !OF_THE_SOURCE.has(error)

/** Why it could not be made, for its teacher; empty where there is nothing to say. */
export function failureWords(t: Translate, te: (key: string, locale?: 'zh') => boolean, { error }: Pick<Lesson, 'error'>): string {
  const key = `learn.lesson.failures.${error ?? ''}`
  return te(key) || te(key, 'zh') ? `${t(key)}${t('learn.lesson.stop')}` : ''
}
