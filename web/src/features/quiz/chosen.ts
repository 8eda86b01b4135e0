// What somebody has ticked, which question of a lesson comes next, and which ones he has left behind.
import type { Quiz, QuizQuestion } from '@/api/types'

/** One option replaces the other, unless several are right. */
export function toggled(chosen: readonly number[], option: number, several: boolean): number[] {
  if (!several) return [option]
  return chosen.includes(option) ? chosen.filter((one) => one !== option) : [...chosen, option].sort((a, b) => a - b)
}

const JUMP_MS = 3_000 // who jumps further than this has skipped the question, and is asked when he comes by

/** The question that was just passed while playing, if it is still open. */
export function dueQuestion(questions: readonly QuizQuestion[], fromMs: number, toMs: number, answered: ReadonlySet<string>): QuizQuestion | null {
  if (toMs <= fromMs || toMs - fromMs > JUMP_MS) return null
  return questions.find(({ id, at_ms }) => at_ms !== null && at_ms > fromMs && at_ms <= toMs && !answered.has(id)) ?? null
}

/** Those up to `furthestMs` that are not answered rightly yet: put off, wrong, jumped over, or met without a network. */
export function leftBehind({ questions, mine }: Pick<Quiz, 'questions' | 'mine'>, furthestMs: number): QuizQuestion[] {
  if (mine.passed_at) return [] // who has passed stays passed, whatever was added since
  return questions.filter(({ id, at_ms }) => at_ms !== null && at_ms <= furthestMs && !mine.right_ids.includes(id))
}
