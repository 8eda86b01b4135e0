// Buying in a room: grab a piece of a flash sale, buy at the normal price, pay, give up.
import { computed, onScopeDispose, shallowRef, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRoute, useRouter } from 'vue-router'
import { orders as ordersApi } from '@/api'
import { asApiError } from '@/api/errors'
import { roomLink } from '@/api/socket'
import type { Order, OrderRequest, Product, Sale } from '@/api/types'
import { useIntentions } from '@/features/buying/intentions'
import { onceMore } from '@/features/buying/once-more'
import { useCheckout } from '@/features/buying/use-checkout'
import { goToPay, type Scan } from '@/features/orders/scan'
import { chosenWay } from '@/features/orders/use-pay-ways'
import { useErrorText } from '@/i18n/error-text'
import { useSession } from '@/lib/session'
import { toast } from '@/lib/toasts'
import { withOrder } from './sale-offer'

export type Buying = ReturnType<typeof useBuying>

export function useBuying() {
  const { t } = useI18n()
  const errorText = useErrorText()
  const route = useRoute()
  const router = useRouter()
  const session = useSession()
  const link = roomLink()
  const checkout = useCheckout()

  const mine = shallowRef<readonly Order[]>([])
  const pressing = shallowRef(false)
  /** About how many are before the one who pressed; null: not told, so it is quick. */
  const ahead = shallowRef<number | null>(null)
  /** Sales of which the server says that this buyer has had enough. */
  const limitReached = shallowRef<ReadonlySet<string>>(new Set())
  const shownId = shallowRef<string | null>(null)
  const shown = computed(() => mine.value.find((order) => order.id === shownId.value) ?? null)
  const choosing = shallowRef<Product | null>(null)
  const busy = shallowRef(false)
  /** What the buyer's phone is to scan. */
  const scan = shallowRef<Scan | null>(null)
  const intentions = useIntentions()

  function toSignIn(): void {
    void router.push({ name: 'sign-in', query: { next: route.fullPath } })
  }

  function signedIn(): boolean {
    if (session.user) return true
    toast(t('room.order.signIn'))
    toSignIn()
    return false
  }

  function take(order: Order): void {
    mine.value = withOrder(mine.value, order)
  }

  async function reload(): Promise<void> {
    if (!session.user) {
      mine.value = []
      return
    }
    try {
      for (const order of (await ordersApi.list()).reverse()) take(order)
    } catch {
      // Events bring the newest state too; the sheet of an unknown order is simply not shown.
    }
  }

  /** Its coupon is used now, as every other page hears. */
  function ordered(order: Order): void {
    take(order)
    shownId.value = order.id
    if (order.coupon_id) void checkout.reload()
  }

  function explain(error: unknown): void {
    const { code } = asApiError(error)
    if (checkout.isStale(code)) void checkout.reload()
    if (code === 'sign_in_required') {
      session.forget()
      return toSignIn()
    }
    toast(code === 'sold_out' ? t('room.sale.missed') : errorText(error), 'problem')
  }

  async function grab(sale: Sale): Promise<void> {
    if (pressing.value || !signedIn()) return
    const intention = `sale:${sale.id}`
    pressing.value = true
    try {
      const lines = [{ sale_id: sale.id, quantity: 1 }]
      const request_id = intentions.idOf(intention)
      const send = () => link.send('order', { lines, request_id, ...checkout.extras(sale.product.merchant_id, sale.price_fen) })
      // A coupon that was used on another page must not cost the seconds in which the sale is over.
      const { order } = await onceMore(send, (error) => checkout.isStale(asApiError(error).code), checkout.reload)
      intentions.settle(intention)
      ordered(order)
    } catch (error) {
      const failed = asApiError(error)
      intentions.failed(intention, failed)
      if (failed.code === 'limit_reached') {
        limitReached.value = new Set([...limitReached.value, sale.id])
        void reload()
      }
      explain(error)
    } finally {
      pressing.value = false
      ahead.value = null
    }
  }

  async function buy(product: Product, quantity: number, invoiceNote: string): Promise<void> {
    if (busy.value || !signedIn()) return
    const intention = `product:${product.id}:${quantity}:${invoiceNote}`
    busy.value = true
    try {
      const request: OrderRequest = {
        lines: [{ product_id: product.id, quantity }],
        request_id: intentions.idOf(intention),
        ...checkout.extras(product.merchant_id, product.price_fen * quantity, invoiceNote),
      }
      const order = await ordersApi.place(request)
      intentions.settle(intention)
      choosing.value = null
      ordered(order)
    } catch (error) {
      intentions.failed(intention, asApiError(error))
      explain(error)
    } finally {
      busy.value = false
    }
  }

  async function pay(order: Order): Promise<void> {
    if (busy.value) return
    busy.value = true
    try {
      scan.value = await goToPay(order, chosenWay())
    } catch (error) {
      explain(error)
      void reload()
    } finally {
      busy.value = false
    }
  }

  async function giveUp(order: Order): Promise<void> {
    if (busy.value) return
    busy.value = true
    try {
      take(await ordersApi.cancel(order.id))
      shownId.value = null
      if (order.coupon_id) void checkout.reload() // it is good again
    } catch (error) {
      explain(error)
      void reload()
    } finally {
      busy.value = false
    }
  }

  function hearPlace(place: { request_id: string; ahead: number }): void {
    if (pressing.value && intentions.has(place.request_id)) ahead.value = place.ahead
  }

  const undo = [link.on('order', ({ order }) => take(order)), link.on('waiting', hearPlace), link.onOpen(() => void reload())]
  watch(
    () => session.user?.id,
    () => void reload(),
  )
  onScopeDispose(() => undo.forEach((step) => step()))

  return {
    mine,
    pressing,
    ahead,
    limitReached,
    busy,
    scan,
    forgetScan(): void {
      scan.value = null
    },
    checkout,
    take,
    /** The order whose sheet is open. */
    shown,
    /** The product of which the buyer is choosing a quantity. */
    choosing,
    grab,
    buy,
    pay,
    giveUp,
    toSignIn,
    /** An order that was placed elsewhere on this page. */
    ordered,
    choose(product: Product): void {
      choosing.value = product
      void checkout.reload()
    },
    stopChoosing(): void {
      choosing.value = null
    },
    show(order: Order): void {
      shownId.value = order.id
    },
    hide(): void {
      shownId.value = null
    },
  }
}
