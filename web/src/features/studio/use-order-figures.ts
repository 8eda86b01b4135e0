// Re-reads the room's orders while it is live: soon after every change of a sale, and every so often anyway.
import { computed, onScopeDispose, shallowRef, watch } from 'vue'
import { orders as ordersApi } from '@/api'
import type { Iso, Order, Sale } from '@/api/types'
import { orderFigures } from './order-figures'

const EVERY_MS = 10_000
/** A crowd changes a sale several times a second: one reading for all of it. */
const AFTER_A_CHANGE_MS = 1_000

export function useOrderFigures(since: () => Iso | null, sale: () => Sale | null) {
  const orders = shallowRef<readonly Order[]>([])
  const figures = computed(() => orderFigures(orders.value, since()))
  let timer: ReturnType<typeof setTimeout> | undefined
  let disposed = false

  async function read(): Promise<void> {
    if (since()) {
      try {
        orders.value = await ordersApi.ofMyRoom()
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
