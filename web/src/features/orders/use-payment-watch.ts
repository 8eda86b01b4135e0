// After the provider sent the buyer back: asks until the payment has arrived, or says that it takes longer.
import { computed, onScopeDispose, ref, watch, type Ref } from 'vue'
import type { OrderState } from '@/api/types'

const ASK_EVERY_MS = 1_500
const USUAL_MS = 20_000 // longer than this deserves other words
const ASK_AT_MOST_MS = 120_000

export function usePaymentWatch(watched: {
  returned: Ref<boolean>
  state: Ref<OrderState | null>
  reload: () => Promise<void>
}) {
  const askedMs = ref(0)
  const confirming = computed(() => watched.returned.value && watched.state.value === 'held' && askedMs.value < ASK_AT_MOST_MS)
  const slow = computed(() => askedMs.value >= USUAL_MS)
  let timer: ReturnType<typeof setInterval> | null = null

  function stop(): void {
    if (timer !== null) clearInterval(timer)
    timer = null
  }

  watch(
    confirming,
    (still) => {
      stop()
      if (!still) return
      timer = setInterval(() => {
        askedMs.value += ASK_EVERY_MS
        void watched.reload()
      }, ASK_EVERY_MS)
    },
    { immediate: true },
  )
  onScopeDispose(stop)
  return { confirming, slow }
}
