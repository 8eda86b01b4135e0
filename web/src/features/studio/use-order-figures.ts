// Re-reads the figures of the room's orders while it is live: soon after every change of a sale, and every so often anyway.
import { onScopeDispose, shallowRef, watch } from 'vue'
import { soldOrders } from '@/api'
import type { Iso, OrderFigures, Sale } from '@/api/types'

const NONE: OrderFigures = { paid: 0, held: 0, paid_fen: 0 }
const EVERY_MS = 10_000
/** A crowd changes a sale several times a second: one reading for all of it. */
const AFTER_A_CHANGE_MS = 1_000

export function useOrderFigures(since: () => Iso | null, sale: () => Sale | null) {
  const figures = shallowRef(NONE)
  let timer: ReturnType<typeof setTimeout> | undefined
  let disposed = false

  async function read(): Promise<void> {
    const from = since()
    if (!from) {
      figures.value = NONE // those of another day would only confuse
    } else {
      try {
        figures.value = await soldOrders.figures(from)
      } catch {
        // The old figures stay until the next reading.
      }
    }
    if (!disposed) readIn(EVERY_MS)
  }

  function readIn(ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void read(), ms)
  }

  watch([sale, since], () => readIn(AFTER_A_CHANGE_MS))
  void read()
  onScopeDispose(() => {
    disposed = true
    clearTimeout(timer)
  })
  return { figures, refresh: () => readIn(0) }
}
