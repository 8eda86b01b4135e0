// The room's WHEP player for the life of a component: follows the stage, the network and the tap for sound.
import { onScopeDispose, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { recall, remember } from '@/lib/storage'
import { isQuality, type Quality } from '@/media/picture-choice'
import type { PlayStats } from '@/media/play-stats'
import { type PlayerNews, type PlayerState, WhepPlayer } from '@/media/whep-player'
import type { Stage } from './stage'

export interface PlayerView {
  readonly state: ShallowRef<PlayerState>
  readonly stats: ShallowRef<PlayStats | null>
  /** How long after the host's words they are seen here; 0 while nothing plays. */
  readonly delayMs: () => number
  readonly muted: ShallowRef<boolean>
  /** Width over height of the picture, once one was shown. */
  readonly aspect: ShallowRef<number | null>
  /** What the viewer wants to see, remembered by his browser; `news.layers` says what there is. */
  readonly quality: ShallowRef<Quality>
  readonly news: ShallowRef<PlayerNews>
  choose: (quality: Quality) => void
  toggleSound: () => void
  /** What the room says about its stream: begun means don't wait for the next try, interrupted means don't mind a silence. */
  follow: (stage: Stage) => void
}

/** The camera, the encoder and the way to the media node, which nobody here can measure: some three pictures and 50 ms. */
const HOST_SIDE_MS = 150

export const NO_NEWS: PlayerNews = { canChoose: false, layers: [], active: true }

function rememberedQuality(): Quality {
  const word = recall('picture')
  return isQuality(word) ? word : 'auto'
}

export function usePlayer(
  video: Readonly<ShallowRef<HTMLVideoElement | null>>,
  url: Ref<string | null>,
  options: { silent?: boolean } = {},
): PlayerView {
  const state = shallowRef<PlayerState>({ name: 'idle' })
  const stats = shallowRef<PlayStats | null>(null)
  const aspect = shallowRef<number | null>(null)
  // Somebody who wanted sound the last time gets it at once where the browser allows it.
  const muted = shallowRef(options.silent || recall('sound') !== 'on')
  const quality = shallowRef<Quality>(options.silent ? 'auto' : rememberedQuality())
  const news = shallowRef(NO_NEWS)
  let player: WhepPlayer | null = null
  let expected = true

  function begin(element: HTMLVideoElement, whepUrl: string): void {
    element.muted = muted.value
    player = new WhepPlayer({
      url: whepUrl,
      video: element,
      quality: quality.value,
      onNews: (next) => {
        news.value = next
      },
      onState: (next) => {
        state.value = next
      },
      onStats: (next) => {
        stats.value = next
        if (next.width > 0 && next.height > 0) aspect.value = next.width / next.height
      },
      onSoundRefused: () => {
        muted.value = true
      },
    })
    player.expectPicture(expected)
    player.start()
  }

  function end(): void {
    player?.destroy()
    player = null
    stats.value = null
    news.value = NO_NEWS
    state.value = { name: 'idle' }
  }

  function toggleSound(): void {
    muted.value = !muted.value
    remember('sound', muted.value ? 'off' : 'on')
    void player?.setMuted(muted.value)
  }

  const onOnline = () => player?.retryNow()
  // A page that is being closed or put aside tells the server; one that comes back from the cache begins again.
  const onPageHide = () => end()
  const onPageShow = (event: PageTransitionEvent) => {
    if (event.persisted && video.value && url.value) begin(video.value, url.value)
  }
  const onResize = () => {
    const element = video.value
    if (element && element.videoHeight > 0) aspect.value = element.videoWidth / element.videoHeight
  }

  watch(
    [video, url],
    ([element, whepUrl], [before]) => {
      before?.removeEventListener('resize', onResize)
      end()
      if (!element || !whepUrl) return
      element.addEventListener('resize', onResize)
      begin(element, whepUrl)
    },
    { immediate: true, flush: 'post' },
  )
  window.addEventListener('online', onOnline)
  window.addEventListener('pagehide', onPageHide)
  window.addEventListener('pageshow', onPageShow)
  onScopeDispose(() => {
    window.removeEventListener('online', onOnline)
    window.removeEventListener('pagehide', onPageHide)
    window.removeEventListener('pageshow', onPageShow)
    end()
  })

  return {
    follow: (stage) => {
      expected = stage !== 'interrupted'
      player?.expectPicture(expected)
      if (stage === 'live') player?.retryNow()
    },
    state,
    stats,
    delayMs: () => (state.value.name === 'playing' && stats.value ? HOST_SIDE_MS + stats.value.delayMs : 0),
    muted,
    aspect,
    quality,
    news,
    choose: (next) => {
      quality.value = next
      remember('picture', next)
      player?.choose(next)
      // Who wants to listen wants to hear, and this tap lets the browser play sound.
      if (next === 'audio' && muted.value) toggleSound()
    },
    toggleSound,
  }
}
