// A quiz while its teacher writes it: what is still missing, and places typed as minutes and seconds.
import type { OwnQuestion } from '@/api/types'

export const MOST_OPTIONS = 6

export const newQuestion = (): OwnQuestion => ({ at_ms: null, text: '', options: ['', ''], right: [], why: '' })

/** `1:30`, `90`, `1：30`; null for what is no place. */
export function placeTyped(typed: string): number | null {
  const match = /^\s*(?:(\d{1,3})[:：])?(\d{1,5})\s*$/u.exec(typed)
  if (!match) return null
  const [, minutes, seconds] = match
  if (minutes !== undefined && Number(seconds) > 59) return null
  return (Number(minutes ?? 0) * 60 + Number(seconds)) * 1000
}

export type QuestionProblem = 'text' | 'options' | 'same' | 'right'

export function problemOf({ text, options, right }: OwnQuestion): QuestionProblem | null {
  const said = options.map((option) => option.trim())
  if (!text.trim()) return 'text'
  if (said.some((option) => !option)) return 'options'
  if (new Set(said).size < said.length) return 'same'
  return right.length === 0 ? 'right' : null
}

/** Those that were right move with their options. */
export function withoutOption(question: OwnQuestion, at: number): OwnQuestion {
  return {
    ...question,
    options: question.options.filter((_, index) => index !== at),
    right: question.right.filter((place) => place !== at).map((place) => (place > at ? place - 1 : place)),
  }
}
