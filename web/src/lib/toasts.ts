// Short notices about results ("order cancelled"); anything that needs an answer is a dialog instead.
import { shallowRef } from 'vue'

export interface Toast {
  id: number
  text: string
  tone: 'done' | 'problem'
}

const SHOWN_MS = 3_200 // long enough to read twenty characters twice
const AT_MOST = 2 // older ones leave first

export const toasts = shallowRef<readonly Toast[]>([])
let lastId = 0

export function toast(text: string, tone: Toast['tone'] = 'done'): void {
  lastId += 1
  const id = lastId
  const others = toasts.value.filter((shown) => shown.text !== text)
  toasts.value = [...others, { id, text, tone }].slice(-AT_MOST)
  setTimeout(() => {
    toasts.value = toasts.value.filter((shown) => shown.id !== id)
  }, SHOWN_MS)
}
