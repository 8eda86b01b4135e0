// The ways to pay that this platform has, and the one that this buyer takes; asked for once.
import { shallowRef } from 'vue'
import { payments } from '@/api'
import type { PayWay } from '@/api/types'
import { recall, remember } from '@/lib/storage'

const KEY = 'pay-way'
const ways = shallowRef<readonly PayWay[]>([])
const chosen = shallowRef<PayWay | null>(null)
let asked: Promise<void> | null = null

async function ask(): Promise<void> {
  try {
    ways.value = await payments.ways()
    const before = recall(KEY)
    chosen.value = ways.value.find((way) => way === before) ?? ways.value[0] ?? null
  } catch {
    asked = null // the next sheet asks again
  }
}

/** null: not known (yet); the server takes the usual way then. */
export function chosenWay(): PayWay | null {
  return chosen.value
}

export function usePayWays() {
  asked ??= ask()
  return {
    ways,
    chosen,
    choose(way: PayWay): void {
      chosen.value = way
      remember(KEY, way)
    },
  }
}
