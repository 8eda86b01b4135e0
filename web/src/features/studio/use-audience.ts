// What viewers get, re-read every few seconds while the room is on the air and the studio is looked at.
import { onScopeDispose, shallowRef, watch } from 'vue'
import { rooms } from '@/api'
import type { Audience } from '@/api/types'
import { useWhileVisible } from '@/lib/poll'

/** Media nodes report every three seconds. */
const EVERY_MS = 5_000

export function useAudience(isOn: () => boolean) {
  const audience = shallowRef<Audience | null>(null)
  let asked = new AbortController()

  async function read(): Promise<void> {
    if (!isOn()) return
    asked.abort()
    const mine = (asked = new AbortController())
    try {
      const fresh = await rooms.audience({ signal: mine.signal })
      if (!mine.signal.aborted) audience.value = fresh
    } catch {
      // The old figures stay until the next reading.
    }
  }

  useWhileVisible(EVERY_MS, () => void read())
  watch(
    isOn,
    (on) => {
      asked.abort()
      audience.value = null
      if (on) void read()
    },
    { immediate: true },
  )
  onScopeDispose(() => asked.abort())
  return audience
}
