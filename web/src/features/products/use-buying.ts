// Buying a product outside of a room: choose how many, order once, then pay on the order's page.
import { ref, shallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { orders } from '@/api'
import { asApiError } from '@/api/errors'
import type { Product } from '@/api/types'
import { useIntentions } from '@/features/buying/intentions'
import { useCheckout } from '@/features/buying/use-checkout'
import { useErrorText } from '@/i18n/error-text'
import { useSession } from '@/lib/session'
import { toast } from '@/lib/toasts'

export function useBuying(onStale: () => Promise<void>) {
  const router = useRouter()
  const route = useRoute()
  const session = useSession()
  const errorText = useErrorText()
  const checkout = useCheckout()
  const chosen = shallowRef<Product | null>(null)
  const busy = ref(false)
  const intentions = useIntentions()

  function choose(product: Product | null): void {
    if (product) void checkout.reload()
    chosen.value = product
  }

  async function buy(product: Product, quantity: number, invoiceNote: string): Promise<void> {
    if (busy.value) return
    if (!session.user) {
      void router.push({ name: 'sign-in', query: { next: route.fullPath } })
      return
    }
    const intention = `product:${product.id}:${quantity}:${invoiceNote}`
    busy.value = true
    try {
      const order = await orders.place({
        lines: [{ product_id: product.id, quantity }],
        request_id: intentions.idOf(intention),
        ...checkout.extras(product.merchant_id, product.price_fen * quantity, invoiceNote),
      })
      intentions.settle(intention)
      chosen.value = null
      await router.push({ name: 'order', params: { id: order.id } })
    } catch (error) {
      toast(errorText(error), 'problem')
      const failed = asApiError(error)
      const { code } = failed
      intentions.failed(intention, failed)
      if (code === 'out_of_stock' || code === 'no_longer_sold') void onStale()
      if (checkout.isStale(code)) void checkout.reload()
    } finally {
      busy.value = false
    }
  }

  return { chosen, busy, checkout, choose, buy }
}
