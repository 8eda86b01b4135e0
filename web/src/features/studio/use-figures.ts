// The figures of the broadcast as the server counts them: often while a sale is on, seldom else. Nothing is counted here.
import { onScopeDispose, shallowRef, watch } from 'vue'
import { sales } from '@/api'
import type { Figures, Sale } from '@/api/types'

const DURING_A_SALE_MS = 1_000
const EVERY_MS = 5_000

export function useFigures(isOn: () => boolean, openSale: () => Sale | null) {
  const figures = shallowRef<Figures | null>(null)
  /** The newest sale of this broadcast, also after its end. */
  const lastSale = shallowRef<Sale | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let disposed = false

  async function read(): Promise<void> {
    try {
      figures.value = await sales.figures()
      const saleId = figures.value.sale?.sale_id
      const known = lastSale.value
      // Its end gives free pieces back to the shelf: the room tells that, but only to pages that are there.
      if (saleId && !openSale() && (known?.id !== saleId || known.state === 'open')) lastSale.value = await sales.get(saleId)
    } catch {
      // The old figures stay until the next reading.
    }
    readSoon()
  }

  function readSoon(): void {
    clearTimeout(timer)
    if (!disposed && isOn()) timer = setTimeout(() => void read(), openSale() ? DURING_A_SALE_MS : EVERY_MS)
  }

  watch(openSale, (sale) => {
    if (sale) lastSale.value = sale
  })
  watch(
    [isOn, () => openSale()?.id],
    ([on]) => {
      clearTimeout(timer)
      if (on) void read()
      else figures.value = lastSale.value = null
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    disposed = true
    clearTimeout(timer)
  })
  return { figures, lastSale }
}
