// Loads what a page shows: one state, re-read when the network comes back, cancelled when the page goes.
import { onScopeDispose, shallowRef, watch, type ShallowRef, type WatchSource } from 'vue'
import { asApiError, type ApiError } from '@/api/errors'

export type LoadState<T> =
  | { kind: 'loading' }
  | { kind: 'ready'; data: T }
  | { kind: 'failed'; error: ApiError }

export interface Load<T> {
  state: ShallowRef<LoadState<T>>
  /** Shows the skeleton again only after a failure: what is on the page stays until newer data is there. */
  reload: () => Promise<void>
  replace: (data: T) => void
}

export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>, again?: WatchSource<unknown>): Load<T> {
  const state: ShallowRef<LoadState<T>> = shallowRef({ kind: 'loading' })
  let controller = new AbortController()

  async function load(fromScratch: boolean): Promise<void> {
    controller.abort()
    const mine = new AbortController()
    controller = mine
    if (fromScratch) state.value = { kind: 'loading' }
    try {
      const data = await read(mine.signal)
      if (!mine.signal.aborted) state.value = { kind: 'ready', data }
    } catch (error) {
      if (mine.signal.aborted) return
      // A page that shows something keeps showing it while the network is away.
      if (state.value.kind !== 'ready') state.value = { kind: 'failed', error: asApiError(error) }
    }
  }

  const reload = () => load(state.value.kind === 'failed')
  const onOnline = () => void reload()
  window.addEventListener('online', onOnline)
  onScopeDispose(() => {
    window.removeEventListener('online', onOnline)
    controller.abort()
  })
  if (again) watch(again, () => void load(true))
  void load(true)

  return {
    state,
    reload,
    replace: (data) => {
      controller.abort() // what is being read may be older
      state.value = { kind: 'ready', data }
    },
  }
}
