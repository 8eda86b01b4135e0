// A clock that ticks for countdowns: the server's time, once a second, stopped when nobody looks.
import { onScopeDispose, ref, type Ref } from 'vue'
import { serverNow } from './server-clock'

const TICK_MS = 1_000

export function useServerNow(): Ref<number> {
  const now = ref(serverNow())
  const tick = () => {
    if (!document.hidden) now.value = serverNow()
  }
  const timer = setInterval(tick, TICK_MS)
  document.addEventListener('visibilitychange', tick)
  onScopeDispose(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', tick)
  })
  return now
}
