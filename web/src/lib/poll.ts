// Does something again and again while the page is in front of somebody.
import { onScopeDispose } from 'vue'

export function useWhileVisible(everyMs: number, work: () => void): void {
  const timer = setInterval(() => {
    if (!document.hidden && navigator.onLine) work()
  }, everyMs)
  const onShown = () => {
    if (!document.hidden) work()
  }
  document.addEventListener('visibilitychange', onShown)
  onScopeDispose(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', onShown)
  })
}
