// The cart (pinia): on the server for who is signed in, in this browser for a guest, joined when he signs in.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { carts, products } from '@/api'
import { ApiError, asApiError } from '@/api/errors'
import type { CartLine, Product } from '@/api/types'
import { guestText, MOST_LINES, MOST_PIECES, readGuestText, shownLines, withQuantity } from './cart-lines'
import { useSession } from './session'
import { recall, remember } from './storage'

const KEY = 'cart'

export const useCart = defineStore('cart', () => {
  const session = useSession()
  const lines = shallowRef<readonly CartLine[]>([])
  const isKnown = ref(false)
  /** Why it could not be read; what was read before stays. */
  const failure = shallowRef<ApiError | null>(null)
  let confirmed: readonly CartLine[] = []
  let reading: Promise<void> | null = null
  let writing: Promise<void> | null = null
  let owner = 0 // counts changes of who is signed in: an answer for somebody else is not shown
  // The newest quantity of each thing; they wait while one write is under way, and go together with the next.
  const waiting = new Map<string, number>()

  function show(now: readonly CartLine[]): void {
    confirmed = now
    lines.value = now
    isKnown.value = true
    failure.value = null
  }

  async function readGuest(): Promise<CartLine[]> {
    const kept = readGuestText(recall(KEY))
    return kept.length === 0 ? [] : shownLines(kept, await products.some(kept.map(({ product_id }) => product_id)))
  }

  async function readOwn(): Promise<CartLine[]> {
    const brought = readGuestText(recall(KEY))
    if (brought.length === 0) return carts.mine()
    const joined = await carts.bring(brought)
    remember(KEY, '[]')
    return joined
  }

  async function read(): Promise<void> {
    try {
      await session.ensure()
      const asked = owner
      const now = await (session.user ? readOwn() : readGuest())
      if (asked === owner && !writing) show(now)
    } catch (error) {
      failure.value = asApiError(error)
    }
  }

  function reload(): Promise<void> {
    reading ??= read().finally(() => {
      reading = null
    })
    return reading
  }

  async function write(): Promise<void> {
    const asked = owner
    try {
      while (waiting.size > 0) {
        const wishes = [...waiting].map(([product_id, quantity]) => ({ product_id, quantity }))
        waiting.clear()
        const now = await carts.put(wishes)
        if (asked !== owner) return
        confirmed = now
        if (waiting.size === 0) show(now)
      }
    } catch (error) {
      waiting.clear()
      if (asked === owner) lines.value = confirmed
      throw error
    }
  }

  /** Shown at once; undone when it could not be kept, which the caller tells. Throws ApiError. */
  async function put(changes: readonly { product: Product; quantity: number }[]): Promise<void> {
    if (!isKnown.value) await reload()
    if (!isKnown.value && failure.value) throw failure.value
    const next = changes.reduce((now, { product, quantity }) => withQuantity(now, product, quantity), [...lines.value])
    if (next.length > Math.max(MOST_LINES, lines.value.length)) throw new ApiError('cart_full', '', 409)
    lines.value = next
    if (!session.user) {
      remember(KEY, guestText(lines.value))
      return
    }
    for (const { product, quantity } of changes) waiting.set(product.id, quantity)
    writing ??= write().finally(() => {
      writing = null
    })
    await writing
  }

  /** So many more than are in it already. Throws ApiError. */
  async function add(product: Product, quantity: number): Promise<void> {
    if (!isKnown.value) await reload()
    const before = lines.value.find((line) => line.product.id === product.id)?.quantity ?? 0
    await put([{ product, quantity: Math.min(before + quantity, MOST_PIECES) }])
  }

  watch(
    () => session.user?.id,
    () => {
      owner += 1
      waiting.clear()
      confirmed = lines.value = []
      isKnown.value = false
      void (reading ?? Promise.resolve()).then(() => (isKnown.value ? undefined : reload()))
    },
    { flush: 'sync' }, // before the answer for the one before could be taken for his
  )

  return {
    lines,
    isKnown,
    failure,
    /** Different things, as its badge says. */
    count: computed(() => lines.value.length),
    ensure: () => (isKnown.value ? Promise.resolve() : reload()),
    reload,
    put,
    add,
    remove: (gone: readonly CartLine[]) => put(gone.map(({ product }) => ({ product, quantity: 0 }))),
  }
})
