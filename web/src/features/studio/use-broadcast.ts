// The host's own broadcast for the life of the studio: WHIP publisher, network changes, wake lock, leaving by mistake.
import { computed, onScopeDispose, shallowRef, watch } from 'vue'
import type { PublishStats, Quality } from '@/media/publish-stats'
import { goOnAir } from '@/lib/on-air'
import { WakeLock } from '@/media/wake-lock'
import { type PublisherState, WhipPublisher } from '@/media/whip-publisher'

export type Broadcast = ReturnType<typeof useBroadcast>

export function useBroadcast() {
  const state = shallowRef<PublisherState>({ name: 'idle' })
  const stats = shallowRef<PublishStats | null>(null)
  const quality = shallowRef<Quality | null>(null)
  const wakeLock = new WakeLock()
  let publisher: WhipPublisher | null = null

  /** This page sends, or is trying to. */
  const running = computed(() => ['connecting', 'live', 'reconnecting', 'ending'].includes(state.value.name))

  let leaveAir: (() => void) | null = null
  watch(running, (is) => {
    leaveAir?.()
    leaveAir = is ? goOnAir() : null
  }, { flush: 'sync' })

  function start(address: { url: string; key: string }, stream: MediaStream, takeOver = false): void {
    publisher?.destroy()
    stats.value = null
    quality.value = null
    publisher = new WhipPublisher({
      ...address,
      onState: (next) => {
        state.value = next
        if (next.name === 'failed' || next.name === 'ended') wakeLock.destroy()
      },
      onStats: (next, judged) => {
        stats.value = next
        quality.value = judged
      },
    })
    publisher.start(stream, { takeOver })
    wakeLock.start()
  }

  async function stop(): Promise<void> {
    await publisher?.stop()
    publisher = null
    wakeLock.destroy()
    state.value = { name: 'idle' }
  }

  function forget(): void {
    publisher?.destroy()
    publisher = null
    state.value = { name: 'idle' }
  }

  const onNetwork = () => publisher?.networkChanged()
  const onUnload = (event: BeforeUnloadEvent) => {
    if (running.value) event.preventDefault()
  }
  const connection = (navigator as Navigator & { connection?: EventTarget }).connection
  window.addEventListener('online', onNetwork)
  connection?.addEventListener('change', onNetwork)
  window.addEventListener('beforeunload', onUnload)
  onScopeDispose(() => {
    window.removeEventListener('online', onNetwork)
    connection?.removeEventListener('change', onNetwork)
    window.removeEventListener('beforeunload', onUnload)
    wakeLock.destroy()
    publisher?.destroy()
    leaveAir?.()
  })

  return {
    state,
    stats,
    quality,
    running,
    start,
    stop,
    forget,
    allowMending: (allowed: boolean) => publisher?.allowMending(allowed),
    replaceTrack: async (track: MediaStreamTrack) => {
      await publisher?.replaceTrack(track)
    },
  }
}
