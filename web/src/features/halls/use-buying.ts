// Buying a product at a booth: choose how many, order once, then pay on the order's page.
import { ref, shallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { orders } from '@/api'
import { asApiError } from '@/api/errors'
import type { Product } from '@/api/types'
import { useCheckout } from '@/features/buying/use-checkout'
import { randomId } from '@/features/room/random-id'
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
  // One id per intention: after a lost answer the same press can't buy twice.
  let requestId = ''

  function choose(product: Product | null): void {
    if (product && !session.user) {
      void router.push({ name: 'sign-in', query: { next: route.fullPath } })
      return
    }
    if (product) {
      requestId = randomId()
      void checkout.reload()
    }
    chosen.value = product
  }

  async function buy(product: Product, quantity: number): Promise<void> {
    if (busy.value) return
    busy.value = true
    try {
      const order = await orders.place({
        lines: [{ product_id: product.id, quantity }],
        request_id: `${requestId}-${quantity}`,
        ...checkout.extras(product.merchant_id, product.price_fen * quantity),
      })
      chosen.value = null
      await router.push({ name: 'order', params: { id: order.id } })
    } catch (error) {
      toast(errorText(error), 'problem')
      const { code } = asApiError(error)
      if (code === 'out_of_stock') void onStale()
      if (checkout.isStale(code)) void checkout.reload()
    } finally {
      busy.value = false
    }
  }

  return { chosen, busy, checkout, choose, buy }
}
