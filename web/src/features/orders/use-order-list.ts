// A list of orders, narrowed to some states, page by page; what is on the first page stays fresh.
import { computed, ref, shallowRef, watch } from 'vue'
import { ORDERS_AT_ONCE } from '@/api'
import type { CallOptions } from '@/api/client'
import type { Order, OrderQuery, OrderState } from '@/api/types'
import { useLoad } from '@/lib/load'
import { useWhileVisible } from '@/lib/poll'
import { useAct } from '@/lib/use-act'

const REFRESH_MS = 15_000

export function useOrderList(
  read: (which: OrderQuery, options?: CallOptions) => Promise<Order[]>,
  states: () => readonly OrderState[],
) {
  const first = useLoad((signal) => read({ state: states() }, { signal }), states)
  const older = shallowRef<readonly Order[]>([])
  const ended = ref(false)
  const { busy, act } = useAct()
  watch(states, () => {
    older.value = []
    ended.value = false
  })
  useWhileVisible(REFRESH_MS, () => void first.reload())

  const all = computed(() => {
    if (first.state.value.kind !== 'ready') return []
    const newest = first.state.value.data
    const known = new Set(newest.map(({ id }) => id))
    return [...newest, ...older.value.filter(({ id }) => !known.has(id))]
  })

  async function readOlder(): Promise<void> {
    const before = all.value.at(-1)?.id
    if (!before) return
    await act(async () => {
      const next = await read({ state: states(), before })
      older.value = [...older.value, ...next]
      ended.value = next.length < ORDERS_AT_ONCE
    })
  }

  return {
    state: first.state,
    all,
    busy,
    more: computed(() => !ended.value && all.value.length >= ORDERS_AT_ONCE),
    readOlder,
    /** After a step the order may belong to another list: what is on the page is read again. */
    reload(): void {
      older.value = []
      ended.value = false
      void first.reload()
    },
  }
}
