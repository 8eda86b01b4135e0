// The server's clock as something that templates can follow, ticking only while it is needed.
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import { serverNow } from '@/lib/server-clock'

/** Four times a second: a countdown never skips a second that a person could see. */
const TICK_MS = 250

export function useNow(needed: () => boolean): ShallowRef<number> {
  const now = shallowRef(serverNow())
  let timer: ReturnType<typeof setInterval> | undefined
  const tick = () => {
    now.value = serverNow()
  }
  watch(
    needed,
    (wanted) => {
      clearInterval(timer)
      if (!wanted) return
      tick()
      timer = setInterval(tick, TICK_MS)
    },
    { immediate: true },
  )
  onScopeDispose(() => clearInterval(timer))
  return now
}
