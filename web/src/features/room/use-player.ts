// The room's player for the life of a component: WHEP, or HLS where that does not get through; follows stage, network and taps.
import { onScopeDispose, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { useDataUse } from '@/lib/data-use'
import { serverNow } from '@/lib/server-clock'
import { recall, remember } from '@/lib/storage'
import { HlsPlayer, type HlsPlace } from '@/media/hls-player'
import { type Line, LineChoice, type SteadyReason } from '@/media/line-choice'
import { withPass } from '@/media/links'
import { isQuality, type Quality } from '@/media/picture-choice'
import type { PlayStats } from '@/media/play-stats'
import { type PlayerNews, type PlayerState, WhepPlayer } from '@/media/whep-player'
import type { Wish } from './quality-words'
import type { Stage } from './stage'

export interface PlayerView {
  readonly state: ShallowRef<PlayerState>
  readonly stats: ShallowRef<PlayStats | null>
  /** How long what is on now waits for its picture; 0 while nothing plays, or something of before. */
  readonly delayMs: () => number
  readonly muted: ShallowRef<boolean>
  /** Width over height of the picture, once one was shown. */
  readonly aspect: ShallowRef<number | null>
  /** What the viewer wants to see, remembered by his browser; `news.layers` says what there is. */
  readonly quality: ShallowRef<Quality>
  readonly news: ShallowRef<PlayerNews>
  /** Over which line it comes; null while nothing is played. */
  readonly line: ShallowRef<Line | null>
  readonly steadyReason: ShallowRef<SteadyReason>
  /** Over HLS: where in the broadcast the picture stands. */
  readonly place: ShallowRef<HlsPlace | null>
  /** The month's data is used up: what is shown instead; null: what was chosen. */
  readonly saving: ShallowRef<Saving | null>
  /** He wants it as it was, also beyond the month's data. */
  goOver: () => void
  choose: (wish: Wish) => void
  /** The browser plays nothing before somebody taps: `takeUp` from that tap. */
  readonly tapNeeded: ShallowRef<boolean>
  takeUp: () => void
  toggleSound: () => void
  seek: (ms: number) => void
  /** When the picture was taken that somebody sees who has gone back; null: he has not. */
  readonly backAtMs: () => number | null
  toLive: () => void
  /** What the room says about its stream: begun means don't wait for the next try, interrupted means don't mind a silence. */
  follow: (stage: Stage) => void
}

/** Over the fast line slides; the steady one has but one size, so it is held. */
export type Saving = 'slides' | 'held'

const CHEAP: readonly Wish[] = ['slides', 'audio']
/** The camera, the encoder and the way to the media node, which nobody here can measure: some three pictures and 50 ms. */
const HOST_SIDE_MS = 150
/** So long a look whether WHEP works again may take. */
const LOOK_BACK_PATIENCE_MS = 10_000

export const NO_NEWS: PlayerNews = { canChoose: false, layers: [], active: true }

function rememberedQuality(): Quality {
  const word = recall('picture')
  return isQuality(word) ? word : 'auto'
}

export function usePlayer(
  video: Readonly<ShallowRef<HTMLVideoElement | null>>,
  url: Ref<string | null>,
  /** `steadyUrl`: the HLS playlist to fall back to; without it there is WHEP alone. `pass`: what the room gave who is signed in. */
  options: { silent?: boolean; steadyUrl?: Ref<string | null>; pass?: () => string | null } = {},
): PlayerView {
  const data = useDataUse()
  let counted = 0 // bytes of the connection that is open
  const state = shallowRef<PlayerState>({ name: 'idle' })
  const stats = shallowRef<PlayStats | null>(null)
  const aspect = shallowRef<number | null>(null)
  // Somebody who wanted sound the last time gets it at once where the browser allows it.
  const muted = shallowRef(options.silent || recall('sound') !== 'on')
  const tapNeeded = shallowRef(false)
  const quality = shallowRef<Quality>(options.silent ? 'auto' : rememberedQuality())
  const news = shallowRef(NO_NEWS)
  const line = shallowRef<Line | null>(null)
  const steadyReason = shallowRef<SteadyReason>('chosen')
  const place = shallowRef<HlsPlace | null>(null)
  const saving = shallowRef<Saving | null>(null)
  let isOver = false // he said yes: not asked again on this page
  const canFast = typeof RTCPeerConnection === 'function'
  const choice = new LineChoice(!options.silent && recall('line') === 'steady' ? 'steady' : 'fast', canFast)
  let fast: WhepPlayer | null = null
  let steady: HlsPlayer | null = null
  let probe: WhepPlayer | null = null
  let patienceTimer: ReturnType<typeof setTimeout> | undefined
  let lookTimer: ReturnType<typeof setTimeout> | undefined
  let expected = true

  const onSoundRefused = () => {
    muted.value = true
  }
  const onTapNeeded = (needed: boolean) => {
    tapNeeded.value = needed
  }

  function begin(): void {
    end()
    const element = video.value
    const fastUrl = url.value
    const steadyUrl = options.steadyUrl?.value
    if (!element || !fastUrl) return
    element.muted = muted.value
    saving.value = null
    if (choice.line === 'steady' && steadyUrl) beginSteady(element, steadyUrl, fastUrl)
    else beginFast(element, fastUrl)
  }

  /** Counts what has come, and lowers what comes next once nothing is left of the month. */
  function note(bytes: number): void {
    data.note(bytes)
    save()
  }

  function isUsedUp(): boolean {
    const left = isOver ? null : data.leftNow()
    return left !== null && left <= 0
  }

  function save(): void {
    if (line.value === null || saving.value !== null || !isUsedUp()) return
    if (line.value === 'steady') {
      end()
      saving.value = 'held'
    } else if (!CHEAP.includes(quality.value)) {
      saving.value = 'slides'
      fast?.choose('slides')
    }
  }

  function goOver(): void {
    isOver = true
    const wasHeld = saving.value === 'held'
    saving.value = null
    if (wasHeld) begin()
    else fast?.choose(quality.value)
  }

  function beginFast(element: HTMLVideoElement, fastUrl: string): void {
    line.value = 'fast'
    save()
    fast = new WhepPlayer({
      url: fastUrl,
      video: element,
      quality: saving.value === 'slides' ? 'slides' : quality.value,
      pass: options.pass,
      onNews: (next) => {
        news.value = next
      },
      onState: (next) => {
        state.value = next
        if (next.name === 'connecting' && next.attempt === 1) beMostPatient()
        if (options.steadyUrl?.value && choice.fastSays(next)) change()
      },
      onStats: (next) => {
        stats.value = next
        // A connection that was made anew counts from nothing.
        note(next.bytesReceived - (next.bytesReceived < counted ? 0 : counted))
        counted = next.bytesReceived
        if (next.width > 0 && next.height > 0) aspect.value = next.width / next.height
      },
      onSoundRefused,
      onTapNeeded,
    })
    fast.expectPicture(expected)
    fast.start()
  }

  function beginSteady(element: HTMLVideoElement, steadyUrl: string, fastUrl: string): void {
    line.value = 'steady'
    steadyReason.value = choice.reason
    save()
    if (saving.value === 'held') return
    news.value = { canChoose: true, layers: [], active: true }
    steady = new HlsPlayer({
      url: withPass(steadyUrl, options.pass?.()),
      video: element,
      wallMs: serverNow,
      onState: (next) => {
        state.value = next
        if (choice.steadySays(next)) change()
      },
      onStats: (next) => {
        stats.value = next
      },
      onLoaded: (bytes) => queueMicrotask(() => note(bytes)), // it may end the player that says so
      onPlace: (next) => {
        place.value = next
      },
      onSoundRefused,
      onTapNeeded,
    })
    steady.start()
    lookBackLater(fastUrl)
  }

  /** Not from within a player's own word: it is about to be destroyed. */
  function change(): void {
    queueMicrotask(() => {
      if (line.value !== null && line.value !== choice.line) begin()
    })
  }

  function beMostPatient(): void {
    clearTimeout(patienceTimer)
    patienceTimer = setTimeout(() => {
      if (expected && options.steadyUrl?.value && choice.fastIsSlow(state.value)) change()
    }, choice.patienceMs)
  }

  /** Whether WHEP works by now is tried beside the picture, which changes over only then. */
  function lookBackLater(fastUrl: string): void {
    clearTimeout(lookTimer)
    const waitMs = choice.lookBackInMs
    if (waitMs === null) return
    lookTimer = setTimeout(() => {
      if (place.value?.isBack || document.hidden) return lookBackLater(fastUrl)
      const sink = document.createElement('video')
      sink.muted = true
      const stop = (works: boolean) => {
        clearTimeout(lookTimer)
        probe?.destroy()
        probe = null
        if (works && !place.value?.isBack) {
          choice.fastWorks()
          return change()
        }
        if (!works) choice.lookedInVain()
        lookBackLater(fastUrl)
      }
      probe = new WhepPlayer({
        url: fastUrl,
        video: sink,
        quality: quality.value,
        pass: options.pass,
        onState: ({ name }) => name === 'playing' && queueMicrotask(() => probe && stop(true)),
      })
      probe.start()
      lookTimer = setTimeout(() => stop(false), LOOK_BACK_PATIENCE_MS)
    }, waitMs)
  }

  function end(): void {
    clearTimeout(patienceTimer)
    clearTimeout(lookTimer)
    for (const player of [probe, fast, steady]) player?.destroy()
    probe = fast = steady = null
    stats.value = null
    news.value = NO_NEWS
    place.value = null
    line.value = null
    state.value = { name: 'idle' }
  }

  function toggleSound(): void {
    muted.value = !muted.value
    remember('sound', muted.value ? 'off' : 'on')
    void (fast ?? steady)?.setMuted(muted.value)
  }

  /** The network is back, or the host: nothing that failed before counts. */
  function tryAnew(): void {
    choice.forgetRefusals()
    beMostPatient()
    ;(fast ?? steady)?.retryNow()
  }

  // A page that is being closed or put aside tells the server; one that comes back from the cache begins again.
  const onPageHide = () => end()
  const onPageShow = (event: PageTransitionEvent) => event.persisted && begin()
  const onResize = () => {
    const element = video.value
    if (element && element.videoHeight > 0) aspect.value = element.videoWidth / element.videoHeight
  }

  watch(
    [video, url],
    ([element], [before]) => {
      before?.removeEventListener('resize', onResize)
      element?.addEventListener('resize', onResize)
      begin()
    },
    { immediate: true, flush: 'post' },
  )
  window.addEventListener('online', tryAnew)
  window.addEventListener('pagehide', onPageHide)
  window.addEventListener('pageshow', onPageShow)
  onScopeDispose(() => {
    window.removeEventListener('online', tryAnew)
    window.removeEventListener('pagehide', onPageHide)
    window.removeEventListener('pageshow', onPageShow)
    video.value?.removeEventListener('resize', onResize)
    end()
  })

  function choose(wish: Wish): void {
    const wanted: Line = wish === 'steady' ? 'steady' : 'fast'
    if (wish !== 'steady') {
      quality.value = wish
      remember('picture', wish)
    }
    remember('line', wanted)
    if (!CHEAP.includes(wish) && saving.value !== null) isOver = true
    saving.value = null
    if (wanted !== choice.line || choice.reason === 'fell_back' || line.value === null) {
      choice.choose(wanted)
      begin()
    } else if (wish !== 'steady') fast?.choose(wish)
    // Who wants to listen wants to hear, and this tap lets the browser play sound.
    if (wish === 'audio' && muted.value) toggleSound()
  }

  /** How long after the host's words they are seen here; 0 while nothing plays. */
  function behindMs(): number {
    if (state.value.name !== 'playing') return 0
    if (steady) return steady.delayMs > 0 ? HOST_SIDE_MS + steady.delayMs : 0
    return stats.value ? HOST_SIDE_MS + stats.value.delayMs : 0
  }

  return {
    follow: (stage) => {
      const wasExpected = expected
      expected = stage !== 'interrupted'
      fast?.expectPicture(expected)
      if (expected && !wasExpected) beMostPatient()
      if (stage === 'live') tryAnew()
    },
    state,
    stats,
    delayMs: () => (place.value?.isBack ? 0 : behindMs()),
    backAtMs: () => {
      const at = place.value
      return at?.isBack ? serverNow() - (behindMs() || at.lengthMs - at.atMs) : null
    },
    muted,
    aspect,
    quality,
    news,
    line,
    steadyReason,
    place,
    saving,
    goOver,
    choose,
    tapNeeded,
    takeUp: () => (fast ?? steady)?.takeUp(),
    toggleSound,
    seek: (ms) => steady?.seek(ms),
    toLive: () => steady?.toLive(),
  }
}
