// Follows a lesson while it is being made; Socket.IO is loaded only for that.
import { computed, onScopeDispose, watch } from 'vue'
import type { Lesson, PublicLesson } from '@/api/types'
import { isInMaking } from '@/features/learn/making-words'
import type { Load } from '@/lib/load'
import { progressOf } from './watched'

function watchLesson(lessonId: string, onChange: (lesson: PublicLesson) => void): () => void {
  const undo: (() => void)[] = []
  let stopped = false
  void import('@/api/socket').then(({ roomLink }) => {
    if (stopped) return
    const link = roomLink()
    undo.push(
      link.on('lesson', ({ lesson }) => lesson.id === lessonId && onChange(lesson)),
      link.onOpen(() => {
        // After a reconnect the answer is the truth; an error here is followed by the next reconnect.
        link
          .send('watch_lesson', { lesson_id: lessonId })
          .then(({ lesson }) => !stopped && onChange(lesson))
          .catch(() => undefined)
      }),
      link.hold(),
    )
  })
  return () => {
    stopped = true
    for (const step of undo) step()
  }
}

/** What a page shows follows the making; what only its learner or its host is told stays as it was read. */
export function useLessonNews(lesson: Load<Lesson>): void {
  const now = computed(() => (lesson.state.value.kind === 'ready' ? lesson.state.value.data : null))
  const madeId = computed(() => (now.value && isInMaking(now.value) ? now.value.id : null))
  let stop: (() => void) | null = null
  watch(madeId, (id) => {
    stop?.()
    stop = id === null ? null : watchLesson(id, (next) => lesson.replace({ ...next, ...progressOf(now.value), gaps: now.value?.gaps ?? null, filled: now.value?.filled ?? null }))
  })
  onScopeDispose(() => stop?.())
}
