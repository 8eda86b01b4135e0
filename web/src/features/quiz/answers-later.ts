// Answers to a lesson's last questions that were given without a network: kept under the learner's id, handed in when the server answers again.
import { accounts, quizzes } from '@/api'
import { asApiError } from '@/api/errors'
import { recall, remember } from '@/lib/storage'

export type Chosen = Record<string, number[]>

export interface KeptAnswers {
  lessonId: string
  /** Of the quiz that was answered. */
  version: number
  chosen: Chosen
}

/** The questions are others by now, or nobody may see them any more: there is nothing to hand in. */
const FOR_NOTHING = new Set(['quiz_changed', 'not_found', 'not_allowed', 'bad_request'])
const keyOf = (userId: string) => `answers.${userId}`

function all(userId: string): KeptAnswers[] {
  return JSON.parse(recall(keyOf(userId)) || '[]') as KeptAnswers[]
}

/** Keeps them; what was kept of the same lesson before is replaced. */
export function keepAnswers(userId: string, answers: KeptAnswers): void {
  remember(keyOf(userId), JSON.stringify([...all(userId).filter(({ lessonId }) => lessonId !== answers.lessonId), answers]))
}

export function answersHere(userId: string | null, lessonId: string): KeptAnswers | null {
  return (userId && all(userId).find((one) => one.lessonId === lessonId)) || null
}

/** Only what was handed in: another page may have kept others meanwhile. */
function forgetAnswers(userId: string, handedIn: KeptAnswers): void {
  const same = JSON.stringify(handedIn)
  remember(keyOf(userId), JSON.stringify(all(userId).filter((one) => JSON.stringify(one) !== same)))
}

/** Hands in what this learner answered, never what others did. What does not get through stays for the next time. */
export async function handInAnswers(userId: string): Promise<void> {
  for (const kept of all(userId)) {
    if ((await accounts.session()).user?.id !== userId) return
    try {
      await quizzes.finish(kept.lessonId, kept.version, kept.chosen)
    } catch (error) {
      if (!FOR_NOTHING.has(asApiError(error).code)) return
    }
    forgetAnswers(userId, kept)
  }
}
