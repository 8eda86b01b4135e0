// Going to pay: the browser leaves for the provider, or shows a code that a phone scans.
import { orders } from '@/api'
import type { Order, PayWay } from '@/api/types'

export interface Scan {
  orderId: string
  way: PayWay
  qrUrl: string
}

/** What is to be scanned; null: the browser is on its way to the provider. */
export async function goToPay(order: Order, way: PayWay | null): Promise<Scan | null> {
  const checkout = await orders.pay(order.id, way)
  if (checkout.qr_url) return { orderId: order.id, way: checkout.provider, qrUrl: checkout.qr_url }
  window.location.assign(checkout.payment_url)
  return null
}
