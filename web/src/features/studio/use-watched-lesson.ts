// A lesson being made, followed over the room link: state and progress as they change.
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import { lessons } from '@/api'
import { roomLink } from '@/api/socket'
import type { Gap, PublicLesson } from '@/api/types'

/** What its host may know is told when it is asked for, and not again with each change. */
export type WatchedLesson = PublicLesson & { gaps: Gap[] | null; filled: Gap[] | null }

/** `news`: when this changes, what only its host may know is asked for again. */
export function useWatchedLesson(lessonId: () => string | null, news: () => unknown = () => null): ShallowRef<WatchedLesson | null> {
  const link = roomLink()
  const lesson = shallowRef<WatchedLesson | null>(null)

  async function follow(id: string): Promise<void> {
    try {
      const answer = await link.send('watch_lesson', { lesson_id: id })
      lesson.value = answer.lesson
    } catch {
      // Not over the link just now: the page's own question, and onOpen asks again.
      lesson.value = await lessons.get(id).catch(() => lesson.value)
    }
  }

  const undo = [
    link.on('lesson', ({ lesson: next }) => {
      if (next.id === lessonId()) lesson.value = { ...next, gaps: lesson.value?.gaps ?? null, filled: lesson.value?.filled ?? null }
    }),
    link.onOpen(() => {
      const id = lessonId()
      if (id) void follow(id)
    }),
  ]
  watch(
    lessonId,
    (id) => {
      lesson.value = null
      if (id) void follow(id)
    },
    { immediate: true },
  )
  watch(news, () => {
    const id = lessonId()
    if (id) void follow(id)
  })
  onScopeDispose(() => undo.forEach((step) => step()))
  return lesson
}
