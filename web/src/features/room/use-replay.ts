// The lesson that a stream became: known at once, or asked for until the recorder has handed it over.
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import { lessons } from '@/api'
import type { Stream } from '@/api/types'

/** A replay is there within seconds of the end; after two minutes something is wrong and a reload is the better question. */
const ASK_EVERY_MS = 4_000
const ASK_AT_MOST = 30

export function useReplay(stream: () => Stream | null, ask: () => boolean): ShallowRef<string | null> {
  const lessonId = shallowRef<string | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined

  async function look(streamId: string, left: number): Promise<void> {
    try {
      const found = await lessons.ofStream(streamId)
      if (stream()?.id === streamId) lessonId.value = found.lesson_id
    } catch {
      if (left > 1) timer = setTimeout(() => void look(streamId, left - 1), ASK_EVERY_MS)
    }
  }

  watch(
    [() => stream()?.id, () => stream()?.lesson_id, ask],
    ([id, known, asking]) => {
      clearTimeout(timer)
      lessonId.value = known ?? null
      if (id && !known && asking) void look(id, ASK_AT_MOST)
    },
    { immediate: true },
  )
  onScopeDispose(() => clearTimeout(timer))
  return lessonId
}
