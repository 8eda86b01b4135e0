// What this device has loaded this month (pinia): counted by the players, kept in the browser, a new count each month.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { type Connection, isFree, leftOf, monthOf, usedShare } from './data-plan'
import { recall, remember } from './storage'

const LIMIT = 'data.limit'
const USED = 'data.used' // "2026-11 123456": one entry, so that last month's is gone

function usedIn(month: string): number {
  const [of, bytes] = (recall(USED) ?? '').split(' ')
  return of === month ? Number(bytes) || 0 : 0
}

function connection(): Connection | undefined {
  return (navigator as Navigator & { connection?: Connection }).connection
}

export const useDataUse = defineStore('data-use', () => {
  const stored = Number(recall(LIMIT))
  const limitBytes = ref<number | null>(stored > 0 ? stored : null)
  const usedBytes = ref(usedIn(monthOf(new Date())))
  const plan = computed(() => ({ limitBytes: limitBytes.value, usedBytes: usedBytes.value }))
  /** What may still be loaded over mobile data. */
  const left = computed(() => leftOf(plan.value))
  const share = computed(() => usedShare(plan.value))

  /** The month may have turned while the page stayed open, or another page has loaded something. */
  function look(): void {
    usedBytes.value = usedIn(monthOf(new Date()))
  }
  document.addEventListener('visibilitychange', look)

  /** What was really loaded. Another page of this browser counts too, so what is kept is read first. */
  function note(bytes: number): void {
    if (bytes <= 0 || isFree(connection())) return
    const month = monthOf(new Date())
    usedBytes.value = usedIn(month) + bytes
    remember(USED, `${month} ${usedBytes.value}`)
  }

  /** What may be loaded over the line of this moment; null: as much as one likes. */
  function leftNow(): number | null {
    look()
    return isFree(connection()) ? null : left.value
  }

  function limitTo(bytes: number | null): void {
    limitBytes.value = bytes
    remember(LIMIT, String(bytes ?? ''))
  }

  return { limitBytes, usedBytes, left, share, note, leftNow, limitTo }
})
