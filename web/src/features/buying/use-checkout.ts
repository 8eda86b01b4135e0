// What goes along with an order by itself: the address that is taken, the coupon that fits.
import { computed, shallowRef, watch } from 'vue'
import { addresses as addressesApi, coupons as couponsApi } from '@/api'
import type { Address, Coupon, OrderRequest } from '@/api/types'
import { useSession } from '@/lib/session'
import { serverNow } from '@/lib/server-clock'
import { bestCoupon, missingForCoupon } from './coupon-fit'

export type Checkout = ReturnType<typeof useCheckout>

export type Extras = Pick<OrderRequest, 'coupon_id' | 'address_id' | 'invoice_note'>

/** Refusals after which what this page knows of coupons and addresses is old. */
const STALE = new Set(['unknown_coupon', 'coupon_not_usable', 'unknown_address'])

export function useCheckout() {
  const session = useSession()
  const addresses = shallowRef<readonly Address[]>([])
  const coupons = shallowRef<readonly Coupon[]>([])
  const chosenId = shallowRef<string | null>(null)
  /** The chosen one, else the default, which comes first. */
  const address = computed(() => addresses.value.find(({ id }) => id === chosenId.value) ?? addresses.value[0] ?? null)

  async function reload(): Promise<void> {
    if (!session.user) {
      addresses.value = []
      coupons.value = []
      return
    }
    try {
      const [places, mine] = await Promise.all([addressesApi.list(), couponsApi.mine()])
      addresses.value = places
      coupons.value = mine
    } catch {
      // Without them an order is still possible: the address can follow, and a coupon stays for the next one.
    }
  }

  const couponFor = (merchantId: string, goodsFen: number) => bestCoupon(coupons.value, merchantId, goodsFen, serverNow())
  watch(
    () => session.user?.id,
    () => void reload(),
    { immediate: true },
  )

  return {
    addresses,
    address,
    reload,
    couponFor,
    missingFor: (merchantId: string, goodsFen: number) => missingForCoupon(coupons.value, merchantId, goodsFen, serverNow()),
    choose(chosen: Address): void {
      addresses.value = addresses.value.some(({ id }) => id === chosen.id) ? addresses.value : [...addresses.value, chosen]
      chosenId.value = chosen.id
    },
    /** What an order of this merchant for so much carries along; an invoice note goes with an address. */
    extras(merchantId: string, goodsFen: number, invoiceNote = ''): Extras {
      const coupon = couponFor(merchantId, goodsFen)
      return {
        ...(coupon ? { coupon_id: coupon.id } : {}),
        ...(address.value ? { address_id: address.value.id, invoice_note: invoiceNote } : {}),
      }
    },
    isStale: (code: string) => STALE.has(code),
  }
}
