// Follows a lesson while it is being made; Socket.IO is loaded only for that.
import type { PublicLesson } from '@/api/types'

export function watchLesson(lessonId: string, onChange: (lesson: PublicLesson) => void): () => void {
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
