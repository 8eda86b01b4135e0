// Media nodes and their sessions, re-read every few seconds while somebody looks.
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { operators } from '@/api'
import { asApiError } from '@/api/errors'
import type { NodeBoard } from '@/api/types'
import type { LoadState } from '@/lib/load'
import { useWhileVisible } from '@/lib/poll'
import { serverNow } from '@/lib/server-clock'

export const EVERY_MS = 5_000
/** Old figures must not stay in front of somebody who may not see them any more. */
const NOT_FOR_YOU = ['sign_in_required', 'not_allowed']

export interface NodesReading {
  state: ShallowRef<LoadState<NodeBoard>>
  /** When the figures on the page were read, if they could not be read again since; null: they are fresh. */
  staleSince: Ref<number | null>
  reload: () => Promise<void>
}

export function useNodes(): NodesReading {
  const state: NodesReading['state'] = shallowRef({ kind: 'loading' })
  const staleSince = ref<number | null>(null)
  let asked = new AbortController()
  let underWay = false
  let readAt = 0

  async function reload(): Promise<void> {
    asked.abort()
    const mine = (asked = new AbortController())
    if (state.value.kind === 'failed') state.value = { kind: 'loading' }
    underWay = true
    try {
      const data = await operators.nodes({ signal: mine.signal })
      if (mine.signal.aborted) return
      readAt = serverNow()
      state.value = { kind: 'ready', data }
      staleSince.value = null
    } catch (thrown) {
      if (mine.signal.aborted) return
      const error = asApiError(thrown)
      if (state.value.kind === 'ready' && !NOT_FOR_YOU.includes(error.code)) staleSince.value = readAt
      else state.value = { kind: 'failed', error }
    } finally {
      if (mine === asked) underWay = false
    }
  }

  const again = () => void reload()
  // Who is told why the page is empty presses the button himself: it doesn't flicker behind his back.
  useWhileVisible(EVERY_MS, () => {
    // Nor is an answer that is slow to come asked for anew, for then none would ever come.
    if (state.value.kind !== 'failed' && !underWay) again()
  })
  const noteOffline = () => {
    if (state.value.kind === 'ready') staleSince.value ??= readAt
  }
  window.addEventListener('online', again)
  window.addEventListener('offline', noteOffline)
  again()
  onScopeDispose(() => {
    window.removeEventListener('online', again)
    window.removeEventListener('offline', noteOffline)
    asked.abort()
  })
  return { state, staleSince, reload }
}
