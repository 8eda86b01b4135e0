// Keeps what the host shows back until the picture that a viewer sees has reached the same moment: "3, 2, 1, now!".
import type { Card, Sale } from '@/api/types'
import { serverNow } from '@/lib/server-clock'

/** A player that says more is wrong: nobody is kept from buying for longer. */
export const MOST_HELD_MS = 15_000

interface Waiting<T> {
  readonly value: T
  readonly dueMs: number
}

/** Shows values in their order, each when it is due. */
export class LateWords<T> {
  private waiting: Waiting<T>[] = []
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly show: (value: T) => void) {}

  /** The newest value, shown or not. */
  newest: T | undefined

  /** Shows it after so long, and never before what came before it. */
  tell(value: T, afterMs: number): void {
    this.newest = value
    const dueMs = Math.max(serverNow() + Math.min(MOST_HELD_MS, afterMs), this.waiting.at(-1)?.dueMs ?? 0)
    this.waiting.push({ value, dueMs })
    this.showDue()
  }

  /** Shows it now; what waits is old by it. */
  tellNow(value: T): void {
    this.newest = value
    this.drop()
    this.show(value)
  }

  /** Shows now what waits. */
  catchUp(): void {
    if (this.waiting.length > 0) this.tellNow(this.newest as T)
  }

  drop(): void {
    clearTimeout(this.timer)
    this.waiting = []
  }

  private showDue(): void {
    clearTimeout(this.timer)
    for (let first = this.waiting[0]; first && first.dueMs <= serverNow(); first = this.waiting[0]) {
      this.waiting.shift()
      this.show(first.value)
    }
    const next = this.waiting[0]
    if (next) this.timer = setTimeout(() => this.showDue(), next.dueMs - serverNow())
  }
}

/** How long a card waits: a pin until the picture shows it, the end of one likewise, a change of the same one not at all. */
export function cardWaitsMs(next: Card | null, newest: Card | null | undefined, delayMs: number): number {
  if (!next) return newest ? delayMs : 0
  if (newest && newest.pinned_at === next.pinned_at) return 0
  return sinceMs(next.pinned_at, delayMs)
}

/** Only the beginning of a sale waits. null: it must be seen at once, for it is over or sold out. */
export function saleWaitsMs(next: Sale, newest: Sale | null | undefined, delayMs: number): number | null {
  if (next.state === 'closed' || next.available <= 0) return null
  return newest?.id === next.id ? 0 : sinceMs(next.opens_at, delayMs)
}

/** What is left of the delay, so long after a moment; a clock that is wrong lets nobody wait longer. */
function sinceMs(at: string, delayMs: number): number {
  return Math.max(0, Math.min(delayMs, Date.parse(at) + delayMs - serverNow()))
}
