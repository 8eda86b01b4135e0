// What the room showed at the moment to which a viewer has gone back in the broadcast, and what goes on there meanwhile.
import { computed, onScopeDispose, watch, type ComputedRef } from 'vue'
import { streams } from '@/api'
import type { Card, Sale, ShownCard } from '@/api/types'
import { useLoad } from '@/lib/load'
import { useWhileVisible } from '@/lib/poll'
import { offerOf } from './sale-offer'

/** Stock and prices of what was shown then change, too; only those of today's card are told. */
const REFRESH_MS = 20_000
/** All who have gone back hear of the same change: they read again one after another, before a closed sale is out of the room. */
const REREAD_SPREAD_MS = 5_000

export interface Shown {
  readonly card: Card | null
  readonly sale: Sale | null
}

interface Told {
  readonly cards: readonly ShownCard[]
  readonly sales: readonly Sale[]
}

/** The card and the sale of a moment, which is one of the picture. */
export function shownAt({ cards, sales }: Told, atMs: number): Shown {
  const isOn = (from: string, to: string | null) => Date.parse(from) <= atMs && (to === null || atMs < Date.parse(to))
  return {
    card: cards.filter((card) => isOn(card.pinned_at, card.unpinned_at)).pop() ?? null,
    sale: sales.filter((sale) => isOn(sale.opens_at, sale.closes_at)).pop() ?? null,
  }
}

/** What is still on of what was shown then, as the room tells it now. */
export function freshest(then: Shown, now: Shown): Shown {
  return {
    card: then.card && then.card.pinned_at === now.card?.pinned_at ? now.card : then.card,
    sale: then.sale && then.sale.id === now.sale?.id ? now.sale : then.sale,
  }
}

export interface Missed {
  /** A sale in which one can buy, one that is announced, a card of which the host talks, one that only stands there. */
  readonly kind: 'sale' | 'soon' | 'card' | 'shown'
  readonly name: string
}

/** What he misses who looks back: the sale of now while there is something to get, else the card of now. */
export function missed(then: Shown, now: Shown, nowMs: number): Missed | null {
  const offer = now.sale && now.sale.id !== then.sale?.id ? offerOf(now.sale, [], false, nowMs).kind : null
  if (now.sale && offer === 'buy') return { kind: 'sale', name: now.sale.product.name }
  if (now.sale && offer === 'soon') return { kind: 'soon', name: now.sale.product.name }
  if (!now.card || now.card.pinned_at === then.card?.pinned_at) return null
  return { kind: now.card.explaining ? 'card' : 'shown', name: now.card.product?.name ?? now.card.lesson?.title ?? '' }
}

/** null: nobody has gone back, or it is not known yet what was shown. `takenAtMs`: when the picture that he sees was taken. */
export function useGoneBack(streamId: () => string | null, takenAtMs: () => number | null, now: () => Shown): ComputedRef<Shown | null> {
  const atMs = computed(takenAtMs)
  const wanted = computed(() => (atMs.value === null ? null : streamId()))
  const told = useLoad<Told>(async (signal) => {
    if (!wanted.value) return { cards: [], sales: [] }
    const [cards, sales] = await Promise.all([streams.cards(wanted.value, { signal }), streams.sales(wanted.value, { signal })])
    return { cards, sales }
  }, wanted)
  const again = () => void (wanted.value && told.reload())
  let timer: ReturnType<typeof setTimeout> | undefined
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      again()
    }, Math.random() * REREAD_SPREAD_MS)
  }
  useWhileVisible(REFRESH_MS, again)
  watch([() => now().card?.pinned_at, () => now().sale?.id, () => now().sale?.state], soon)
  onScopeDispose(() => clearTimeout(timer))

  return computed(() => {
    const state = told.state.value
    if (atMs.value === null || state.kind !== 'ready') return null
    return freshest(shownAt(state.data, atMs.value), now())
  })
}
