// The quiz of a lesson beside its player: stops the picture where a question stands.
import { computed, ref, watch, type Ref } from 'vue'
import { quizzes } from '@/api'
import type { Quiz, QuizQuestion, QuizStanding } from '@/api/types'
import type { Vod } from '@/features/lesson/use-vod'
import { useLoad } from '@/lib/load'
import { useSession } from '@/lib/session'
import { dueQuestion } from './chosen'

export function useQuiz(lessonId: Ref<string>, vod: () => Vod | null) {
  const session = useSession()
  const loaded = useLoad<Quiz>((signal) => quizzes.get(lessonId.value, { signal }), lessonId)
  const quiz = computed(() => (loaded.state.value.kind === 'ready' ? loaded.state.value.data : null))
  const due = ref<QuizQuestion | null>(null)
  const asked = new Set<string>() // in this sitting: who put a question off is not stopped again at once
  watch(lessonId, () => asked.clear())

  watch(
    () => vod()?.positionMs.value ?? 0,
    (to, from) => {
      const player = vod()
      if (!player || !quiz.value || !session.user || due.value || player.state.value.kind !== 'playing') return
      const answered = new Set([...quiz.value.mine.right_ids, ...asked])
      due.value = dueQuestion(quiz.value.questions, from, to, answered)
      if (due.value) player.pause()
    },
  )

  return {
    quiz,
    due,
    /** On with the lesson. */
    done: () => {
      if (!due.value) return
      asked.add(due.value.id)
      due.value = null
      if (vod()?.state.value.kind === 'paused') vod()?.toggle()
    },
    standing: (mine: QuizStanding) => {
      if (quiz.value) loaded.replace({ ...quiz.value, mine })
    },
  }
}
