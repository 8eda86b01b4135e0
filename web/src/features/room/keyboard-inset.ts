// How much of the page a phone's keyboard covers, so that the input can stand above it.
import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'

/** Less than this is the browser's own bar sliding in and out. */
const KEYBOARD_AT_LEAST_PX = 120

export function useKeyboardInset(): ShallowRef<number> {
  const inset = shallowRef(0)
  const viewport = window.visualViewport
  if (!viewport) return inset
  const update = () => {
    const covered = window.innerHeight - viewport.height - viewport.offsetTop
    inset.value = covered >= KEYBOARD_AT_LEAST_PX ? Math.round(covered) : 0
  }
  viewport.addEventListener('resize', update)
  viewport.addEventListener('scroll', update)
  onScopeDispose(() => {
    viewport.removeEventListener('resize', update)
    viewport.removeEventListener('scroll', update)
  })
  return inset
}
