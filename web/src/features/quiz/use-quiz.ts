// The quiz of a lesson beside its player: stops the picture where a question stands.
import { computed, ref, watch, type Ref } from 'vue'
import { quizzes } from '@/api'
import type { Quiz, QuizQuestion, QuizStanding } from '@/api/types'
import { isAway } from '@/features/offline/away'
import type { Vod } from '@/features/lesson/use-vod'
import { useLoad } from '@/lib/load'
import { useOnline } from '@/lib/online'
import { useSession } from '@/lib/session'
import { dueQuestion, leftBehind } from './chosen'

/** `furthestMs`: how far the learner has been; `kept`: the questions as they lie on the device, to be read without a network. */
export function useQuiz(lessonId: Ref<string>, vod: () => Vod | null, furthestMs: () => number, kept: () => Promise<Quiz | null>) {
  const session = useSession()
  const online = useOnline() // only the server knows what is right
  const loaded = useLoad<Quiz>(async (signal) => {
    try {
      return await quizzes.get(lessonId.value, { signal })
    } catch (error) {
      const here = isAway(error) ? await kept() : null
      if (here) return here
      throw error
    }
  }, lessonId)
  const quiz = computed(() => (loaded.state.value.kind === 'ready' ? loaded.state.value.data : null))
  const due = ref<QuizQuestion | null>(null)
  const left = computed(() => (quiz.value && session.user ? leftBehind(quiz.value, furthestMs()) : []))
  let stopped = false // the lesson, for the question that is due
  const asked = new Set<string>() // in this sitting: who put a question off is not stopped again at once
  watch(lessonId, () => asked.clear())

  watch(
    () => vod()?.positionMs.value ?? 0,
    (to, from) => {
      const player = vod()
      if (!player || !quiz.value || !session.user || !online.value || due.value || player.state.value.kind !== 'playing') return
      const answered = new Set([...quiz.value.mine.right_ids, ...asked])
      due.value = dueQuestion(quiz.value.questions, from, to, answered)
      if (due.value) stop(player)
    },
  )

  function stop(player: Vod): void {
    stopped = true
    player.pause()
  }

  return {
    quiz,
    due,
    online,
    /** Questions in the lesson that wait for a right answer, of the part that he has come through. */
    left,
    /** Ask one of them now. */
    ask: (question: QuizQuestion) => {
      const player = vod()
      if (player?.state.value.kind === 'playing') stop(player)
      due.value = question
    },
    /** On with the lesson, if it stopped for this. */
    done: () => {
      if (!due.value) return
      asked.add(due.value.id)
      due.value = null
      if (stopped && vod()?.state.value.kind === 'paused') vod()?.toggle()
      stopped = false
    },
    standing: (mine: QuizStanding) => {
      if (quiz.value) loaded.replace({ ...quiz.value, mine })
    },
  }
}
