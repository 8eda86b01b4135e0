// Plays a replay while its host cuts it: goes to a place and stands there, or plays a span and stops at its end.
import { onBeforeUnmount, ref, shallowRef, type Ref } from 'vue'
import { VodPlayer, type VodState } from '@/features/lesson/vod-player'
import { useDataUse } from '@/lib/data-use'

export function useSpanPlayer(video: Ref<HTMLVideoElement | null>) {
  const data = useDataUse()
  const state = shallowRef<VodState>({ kind: 'idle' })
  const positionMs = ref(0)
  let player: VodPlayer | null = null
  let untilMs = Number.POSITIVE_INFINITY
  let stands = false

  function onMove(): void {
    if (!video.value) return
    positionMs.value = video.value.currentTime * 1000
    if (positionMs.value >= untilMs) {
      untilMs = Number.POSITIVE_INFINITY
      player?.pause()
    }
  }

  /** Opens a playlist and shows what is at a place. */
  function open(url: string, atMs: number): void {
    const element = video.value
    if (!element) return
    close()
    stands = true
    untilMs = Number.POSITIVE_INFINITY
    player = new VodPlayer(element, {
      state: (next) => {
        state.value = next
        // Players only begin by playing; whoever cuts wants to look first.
        if (next.kind === 'playing' && stands) player?.pause()
        if (next.kind === 'playing') stands = false
      },
      qualities: () => undefined,
      loaded: data.note,
    })
    element.addEventListener('timeupdate', onMove)
    void player.start(url, atMs, 'auto')
  }

  function show(ms: number): void {
    untilMs = Number.POSITIVE_INFINITY
    player?.pause()
    player?.seek(ms)
    positionMs.value = ms
  }

  function play(startMs: number, endMs: number): void {
    stands = false
    player?.seek(startMs)
    untilMs = endMs
    player?.play()
  }

  function close(): void {
    video.value?.removeEventListener('timeupdate', onMove)
    player?.destroy()
    player = null
    state.value = { kind: 'idle' }
  }
  onBeforeUnmount(close)

  return { state, positionMs, open, show, play, close }
}
