// The player of one lesson as the page sees it: state, place, speed, quality; reports what was watched.
import { computed, onBeforeUnmount, onMounted, ref, shallowRef, watch, type Ref } from 'vue'
import { lessons } from '@/api'
import type { Lesson } from '@/api/types'
import { isAway } from '@/features/offline/away'
import { canKeep, holdShelf } from '@/features/offline/device'
import { type Pack, shelfOf } from '@/features/offline/pack'
import { useDownloads } from '@/features/offline/downloads'
import { keepWatched } from '@/features/offline/watched-later'
import { ApiError, asApiError } from '@/api/errors'
import { useOnline } from '@/lib/online'
import { useSession } from '@/lib/session'
import { recall, remember } from '@/lib/storage'
import { resumeAt } from '@/features/learn/lesson-progress'
import { firstQuality, networkSavesData, rememberQuality, type Quality } from './quality'
import { isPlayable, movedPlace, type Source, sourceOf, within } from './source'
import { useBudget } from './use-budget'
import { VodPlayer, type VodState } from './vod-player'
import { ProgressReporter, type Watched, WatchTracker } from './watched'

const LOOK_MS = 1_500 // between two looks at the clock

/** What the server does not take now, and will take later: perhaps when its learner is signed in again. */
const LATER = new Set(['too_fast', 'another_learner'])
const placeKey = (lessonId: string) => `lesson.${lessonId}`

/** Where to go on: what the server knows, or what this browser remembers for people who aren't signed in. */
export function firstPlace(lesson: Lesson): number {
  const local = Number(recall(placeKey(lesson.id)) ?? 0)
  return resumeAt(lesson.position_ms > 0 ? lesson : { ...lesson, position_ms: local })
}

/** `pack`: what this device has of the lesson. */
export function useVod(lesson: Ref<Lesson>, video: Ref<HTMLVideoElement | null>, pack: Ref<Pack | null>) {
  const session = useSession()
  const downloads = useDownloads()
  const online = useOnline()
  const state = shallowRef<VodState>({ kind: 'idle' })
  const positionMs = ref(0)
  const bufferedMs = ref(0)
  const durationMs = ref(lesson.value.duration_ms)
  const qualities = ref<number[]>([])
  const rate = ref(1)
  const muted = ref(false)
  const quality = ref<Quality>(firstQuality(lesson.value, networkSavesData()))
  const budget = useBudget(lesson, quality)
  /** What is played of the wish with the data that is left. */
  const shown = computed(() => within(quality.value, budget.most.value))
  const source = computed(() => sourceOf(lesson.value, shown.value, pack.value, online.value))
  const playing = shallowRef<Source | null>(null) // what is open
  const reachedMs = ref(lesson.value.reached_ms) // how far it was watched without leaving anything out
  const tracker = new WatchTracker()
  const lessonId = lesson.value.id
  let player: VodPlayer | null = null
  let letGo = (): void => undefined // of what he watches on the device

  const reporter = new ProgressReporter(tracker, async (watched, leaving) => {
    if (watched.positionMs !== null) remember(placeKey(lessonId), String(watched.positionMs))
    await tell(watched, leaving)
  })

  /** What the server can't take now stays on the device, under the name of who watched. */
  async function tell(watched: Watched, leaving: boolean): Promise<void> {
    const learner = session.lastId
    if (!learner) return
    try {
      // Nobody could ask yet who is signed in, or another page has signed in somebody else.
      if (!session.user || !session.isCurrent()) throw new ApiError('offline')
      const progress = await lessons.reportProgress(lessonId, { learner_id: learner, position_ms: watched.positionMs, intervals: watched.intervals, inserts: watched.inserts }, { keepalive: leaving })
      void downloads.told(learner, lessonId, progress).catch(() => undefined) // a full disk is no reason to tell it twice
    } catch (error) {
      if (!canKeep() || !(isAway(error) || LATER.has(asApiError(error).code))) throw error
      await keepWatched(learner, lessonId, watched)
    }
  }

  function onMove(element: HTMLVideoElement): void {
    positionMs.value = player?.placeMs ?? 0
    if (Number.isFinite(element.duration)) durationMs.value = element.duration * 1000
    const { buffered } = element
    bufferedMs.value = buffered.length > 0 ? buffered.end(buffered.length - 1) * 1000 : 0
    if (!element.paused && !element.seeking) onPlayed(element)
  }

  function onPlayed(element: HTMLVideoElement): void {
    if (!player?.hasBegun) return // the video says 0 until it has come to its place
    positionMs.value = player.placeMs
    const watched = tracker.moved(positionMs.value, element.playbackRate)
    if (watched && watched[0] - reachedMs.value < LOOK_MS * element.playbackRate) reachedMs.value = Math.max(reachedMs.value, positionMs.value)
  }

  function onPause(element: HTMLVideoElement): void {
    if (!element.seeking) onPlayed(element)
    tracker.cut()
    void reporter.flush(false)
  }

  const onHidden = () => {
    if (document.hidden) void reporter.flush(true)
  }
  const onGone = () => void reporter.flush(true)
  const onOnline = () => state.value.kind === 'failed' && renew()

  onMounted(() => {
    const element = video.value
    if (!element) return
    player = new VodPlayer(element, {
      state: (next) => {
        state.value = next
        if (next.kind === 'playing') onPlayed(element)
        if (next.kind === 'paused' || next.kind === 'ended') onPause(element)
      },
      qualities: (found) => {
        qualities.value = found
      },
      loaded: (bytes) => {
        if (!budget.loaded(bytes, Math.max(positionMs.value, bufferedMs.value))) player?.hold()
      },
    })
    element.addEventListener('timeupdate', () => onMove(element))
    element.addEventListener('progress', () => onMove(element))
    element.addEventListener('seeking', () => {
      positionMs.value = player?.placeMs ?? 0
      tracker.cut(positionMs.value)
    })
    element.addEventListener('volumechange', () => {
      muted.value = element.muted
    })
    // hls.js opens a new source with speed 1.
    element.addEventListener('loadedmetadata', () => {
      element.playbackRate = rate.value
    })
    document.addEventListener('visibilitychange', onHidden)
    window.addEventListener('pagehide', onGone)
    window.addEventListener('online', onOnline)
  })
  onBeforeUnmount(() => {
    document.removeEventListener('visibilitychange', onHidden)
    window.removeEventListener('pagehide', onGone)
    window.removeEventListener('online', onOnline)
    reporter.destroy()
    player?.destroy()
    letGo()
  })
  watch(rate, (next) => {
    if (video.value) video.value.playbackRate = next
  })
  // What is on the device is played rather than what was chosen once for the line.
  watch(
    () => isPlayable(pack.value, online.value) && state.value.kind === 'idle',
    (kept) => {
      if (kept && pack.value) quality.value = pack.value.quality
    },
    { immediate: true },
  )
  watch([shown, budget.most], () => {
    if (!playing.value || !source.value) return
    player?.bound(budget.most.value)
    if (source.value.url !== playing.value.url) change(source.value)
    else player?.choose(shown.value)
  })

  // Objects of the edition before don't stay for ever: what failed goes on in the one that the lesson has by now.
  watch(
    () => lesson.value.playlist_url,
    () => state.value.kind === 'failed' && renew(),
  )

  // The line went away in the middle: what is on the device goes on at the same place.
  watch(online, (there) => {
    if (!there && playing.value && !playing.value.isOnDevice && source.value?.isOnDevice) change(source.value)
  })

  async function open(next: Source, atMs: number): Promise<void> {
    playing.value = next
    tracker.open(next.inserts.length, atMs)
    hold(next.isOnDevice ? pack.value : null)
    player?.bound(budget.most.value)
    await player?.start(next.url, atMs, shown.value)
  }

  /** Holds what is played from the device; what was held before until then, since it may be the same. */
  function hold(next: Pack | null): void {
    const before = letGo
    letGo = next ? holdShelf(shelfOf(next), before) : () => undefined
    if (!next) before()
  }

  /** Goes on in another source with what he was watching, wherever that is there. */
  function change(next: Source): void {
    const moved = (ms: number) => movedPlace(ms, playing.value?.inserts ?? next.inserts, next.inserts)
    const atMs = moved(positionMs.value)
    positionMs.value = atMs
    reachedMs.value = moved(reachedMs.value)
    void open(next, atMs)
  }

  /** Opens the playlist that the lesson has by now, at the same place. */
  function renew(): void {
    if (source.value) change(source.value)
  }

  let startAtMs = 0
  /** Where the teacher wants no skipping nobody gets further than he has come. */
  const allowed = (ms: number) => (lesson.value.no_skip ? Math.min(ms, reachedMs.value) : ms)

  function start(wantedMs: number): void {
    if (!source.value || !player) return
    const atMs = allowed(wantedMs)
    if (!source.value.isOnDevice && !budget.mayStart(atMs)) {
      startAtMs = atMs
      return
    }
    // The first report starts the clock by which the server believes what is watched.
    if (session.user) void lessons.reportProgress(lessonId, { learner_id: session.user.id, position_ms: Math.round(atMs), intervals: [], inserts: source.value.inserts.length }).catch(() => undefined)
    positionMs.value = atMs
    void open(source.value, atMs)
  }

  /** He was asked, and goes on over the month's data. */
  function goOver(): void {
    budget.goOver()
    if (playing.value) player?.release()
    else start(startAtMs)
  }

  /** False: it was held, and he is asked again, or there is data by now and it goes on. */
  function goesOn(): boolean {
    if (!player?.isHeld) return true
    if (budget.loaded(0, Math.max(positionMs.value, bufferedMs.value))) player.release()
    return false
  }

  function seek(wantedMs: number): void {
    const ms = allowed(wantedMs)
    if (state.value.kind === 'idle') start(ms)
    else {
      positionMs.value = ms
      player?.seek(ms)
      if (goesOn() && state.value.kind === 'ended') player?.play()
    }
  }

  return {
    state,
    positionMs,
    bufferedMs,
    durationMs,
    qualities,
    rate,
    muted,
    quality,
    shown,
    source,
    budget,
    goOver,
    playing,
    reachedMs,
    allowed,
    start,
    seek,
    setRate: (next: number) => {
      rate.value = next
    },
    setQuality: (next: Quality) => {
      budget.chosen()
      rememberQuality(next)
      quality.value = next
    },
    toggle: () => (state.value.kind === 'failed' ? renew() : goesOn() && player?.toggle()),
    play: () => (state.value.kind === 'failed' ? renew() : goesOn() && player?.play()),
    pause: () => player?.pause(),
    renew,
    mute: () => {
      if (video.value) video.value.muted = !video.value.muted
    },
  }
}

export type Vod = ReturnType<typeof useVod>
