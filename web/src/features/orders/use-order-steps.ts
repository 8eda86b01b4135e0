// What a buyer does with an order: pay, cancel, receive, give back. From the list and from its own page.
import { ref, shallowRef } from 'vue'
import { orders } from '@/api'
import { asApiError } from '@/api/errors'
import type { Order } from '@/api/types'
import { useErrorText } from '@/i18n/error-text'
import { toast } from '@/lib/toasts'
import { useWords } from '@/lib/words'
import { goToPay, type Scan } from './scan'
import { chosenWay } from './use-pay-ways'

export function useOrderSteps(onChanged: (order: Order | null) => void) {
  const { t } = useWords()
  const errorText = useErrorText()
  const busy = ref<string | null>(null) // the order something is being done with
  const scan = shallowRef<Scan | null>(null)

  async function step(order: Order, work: () => Promise<void>): Promise<void> {
    if (busy.value) return
    busy.value = order.id
    try {
      await work()
    } catch (error) {
      toast(errorText(error), 'problem')
      // Somebody or something was faster (paid elsewhere, time is up): show what is true now.
      if (asApiError(error).status === 409) onChanged(null)
    } finally {
      busy.value = null
    }
  }

  const pay = (order: Order) =>
    step(order, async () => {
      scan.value = await goToPay(order, chosenWay())
    })

  const cancel = (order: Order) =>
    step(order, async () => {
      onChanged(await orders.cancel(order.id))
      toast(t('orders.cancelled'))
    })

  const receive = (order: Order) =>
    step(order, async () => {
      onChanged(await orders.receive(order.id))
      toast(t('orders.received'))
    })

  const refund = (order: Order) =>
    step(order, async () => {
      onChanged(await orders.refund(order.id))
      toast(t('orders.refundAsked'))
    })

  return { busy, scan, pay, cancel, receive, refund }
}
