// Plays one live stream over low-latency HLS, some two seconds later than WHEP, and back to its beginning.

import type Hls from 'hls.js/light'
import type { ErrorData, LevelDetails } from 'hls.js/light'
import { backoffMs } from './backoff'
import { beginAt } from './hls-start'
import { countLoaded } from './loaded-bytes'
import { type EdgeLog, MachineState } from './machine'
import { Playback } from './playback'
import type { PlayStats } from './play-stats'
import type { PlayerState } from './whep-player'

/** Where in the broadcast the picture stands. */
export interface HlsPlace {
  /** From the beginning of the broadcast to what could be shown by now. */
  readonly lengthMs: number
  readonly atMs: number
  /** He went back by himself; otherwise the player follows the broadcast. */
  readonly isBack: boolean
}

export interface HlsPlayerOptions {
  readonly url: string
  readonly video: HTMLVideoElement
  /** The server's clock: the playlist's moments are by it. */
  readonly wallMs: () => number
  readonly onState?: (state: PlayerState) => void
  readonly onStats?: (stats: PlayStats) => void
  readonly onPlace?: (place: HlsPlace) => void
  /** So much came over the line. */
  readonly onLoaded?: (bytes: number) => void
  readonly onSoundRefused?: () => void
  readonly onTapNeeded?: (needed: boolean) => void
  readonly loadHls?: () => Promise<typeof Hls>
  readonly logEdge?: EdgeLog
}

const HLS_TYPE = 'application/vnd.apple.mpegurl'
const TICK_MS = 500
/** Nobody publishes yet, or the end was told and the next broadcast may follow. */
const NO_STREAM_WAIT_MS = 2_000
const BACK_BUFFER_SECONDS = 20 // a cheap phone has little memory
const AHEAD_SECONDS = 30 // who looks at what was, does not pay for the rest of the broadcast
/** A page that slept is this far behind and has not asked for it: it goes to the newest picture. */
const LOST_TOUCH_SECONDS = 12
/** Where the slider is let go so close to the end, the broadcast itself is meant. */
const LIVE_AGAIN_MS = 4_000
/** Faster playback until the distance is right again; voices keep their pitch. */
const CATCH_UP_RATE = 1.2
const INTO_SEGMENT_SECONDS = 0.05
/** Who went back and sees nothing for so long is taken to the next segment. */
const STUCK_MS = 6_000
/** Before the beginning of what there is by more than rounding. */
const OUTSIDE_SECONDS = 1
const MEDIA_ERRORS_MENDED = 3
export class HlsPlayer {
  private readonly state: MachineState<PlayerState>
  private readonly video: HTMLVideoElement
  private readonly playback: Playback
  private hls: Hls | null = null
  private generation = 0
  private attemptsInARow = 0
  private mediaErrors = 0
  private askedMs = 0
  private isBack = false
  /** Where he stood who had gone back, when something broke, or wants to be since: from the beginning of the broadcast. */
  private returnMs: number | null = null
  /** Of the broadcast, as far as it was known last. */
  private lengthMs = 0
  private stuck = { at: 0, sinceMs: 0 }
  private counted = { frames: 0, atMs: 0 }
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private tickTimer: ReturnType<typeof setInterval> | undefined
  private readonly onPlaying = () => this.onPicture()
  private readonly onEnded = () => this.retry('the end of the playlist', NO_STREAM_WAIT_MS)
  private readonly onNativeError = () => !this.hls && this.retry('media error')

  constructor(private readonly options: HlsPlayerOptions) {
    this.video = options.video
    this.state = new MachineState<PlayerState>('hls player', { name: 'idle' }, (state) => options.onState?.(state), options.logEdge)
    this.playback = new Playback({ ...options, mayPlay: () => this.state.is('connecting', 'playing') })
  }

  get current(): PlayerState {
    return this.state.get()
  }

  start(): void {
    if (!this.state.is('idle')) return
    this.video.addEventListener('playing', this.onPlaying)
    this.video.addEventListener('ended', this.onEnded)
    this.video.addEventListener('error', this.onNativeError)
    this.tickTimer = setInterval(() => this.onTick(), TICK_MS)
    void this.connect()
  }

  /** Something outside says that now is a good moment: don't wait for the timer. */
  retryNow(): void {
    // A try that is on its way goes on; whatever failed before it counts no more.
    if (this.state.is('connecting')) this.attemptsInARow = 1
    if (!this.state.is('waiting', 'reconnecting')) return
    this.attemptsInARow = 0
    void this.connect()
  }

  /** How long after the host's words they are seen here; 0 while it is not known. */
  get delayMs(): number {
    const shown = this.shownAtMs()
    return shown === null ? 0 : Math.max(0, this.options.wallMs() - shown)
  }

  seek(ms: number): void {
    const range = this.range()
    const lengthMs = range ? (range.end - range.start) * 1_000 : this.lengthMs
    if (lengthMs - ms <= LIVE_AGAIN_MS) return this.toLive()
    this.isBack = true
    if (!this.state.is('playing')) {
      this.returnMs = ms
      if (this.hls) beginAt(this.hls, ms / 1_000)
    }
    if (range) {
      this.video.currentTime = Math.max(range.first, range.start + ms / 1_000)
      this.stuck = { at: this.video.currentTime, sinceMs: performance.now() }
      void this.playback.play()
    }
    this.tellPlace()
  }

  toLive(): void {
    this.isBack = false
    this.returnMs = null
    const range = this.range()
    if (range) this.video.currentTime = range.live
    void this.playback.play()
    this.tellPlace()
  }

  async setMuted(muted: boolean): Promise<void> {
    this.video.muted = muted
    await this.playback.play()
  }

  takeUp(): void {
    this.playback.takeUp()
  }

  destroy(): void {
    clearInterval(this.tickTimer)
    this.video.removeEventListener('playing', this.onPlaying)
    this.video.removeEventListener('ended', this.onEnded)
    this.video.removeEventListener('error', this.onNativeError)
    this.playback.destroy()
    this.unload()
    this.state.finish({ name: 'closed' }, 'destroyed')
  }

  private async connect(): Promise<void> {
    this.unload()
    this.attemptsInARow += 1
    this.mediaErrors = 0
    this.isBack = this.returnMs !== null
    this.askedMs = performance.now()
    this.state.set({ name: 'connecting', attempt: this.attemptsInARow })
    const mine = this.generation
    try {
      const Library = await (this.options.loadHls ?? loadHls)()
      if (mine !== this.generation) return
      if (Library.isSupported()) this.playWithLibrary(Library)
      else if (this.video.canPlayType(HLS_TYPE)) this.playNatively()
      else this.state.set({ name: 'failed', reason: 'cannot_play' }, 'no hls')
    } catch {
      if (mine === this.generation) this.retry('the player could not be loaded')
    }
  }

  private playNatively(): void {
    const mine = this.generation
    const goBack = () => mine === this.generation && this.returnMs !== null && this.seek(this.returnMs)
    this.video.addEventListener('loadedmetadata', goBack, { once: true })
    this.video.src = this.options.url
    void this.playback.play()
  }

  private playWithLibrary(Library: typeof Hls): void {
    const hls = new Library({
      lowLatencyMode: true,
      maxMaxBufferLength: AHEAD_SECONDS,
      backBufferLength: BACK_BUFFER_SECONDS,
      maxLiveSyncPlaybackRate: CATCH_UP_RATE,
      enableWorker: false, // fMP4 needs no remuxing worth a thread
      startPosition: this.returnMs === null ? -1 : this.returnMs / 1_000,
      playlistLoadPolicy: {
        default: {
          maxTimeToFirstByteMs: 12_000,
          maxLoadTimeMs: 20_000,
          timeoutRetry: { maxNumRetry: 10, retryDelayMs: 0, maxRetryDelayMs: 0 },
          // While the host is away, or the stream moves to another node, 503 is answered again and again: his grace is longer than the usual patience.
          errorRetry: { maxNumRetry: 120, retryDelayMs: 500, maxRetryDelayMs: 1_000 },
        },
      },
    })
    this.hls = hls
    hls.on(Library.Events.MANIFEST_PARSED, (_event, { levels }) => {
      // The rendition in Opus is there anyway; the other one is encoded for who asks.
      hls.loadLevel = Math.max(0, levels.findIndex(({ audioCodec }) => audioCodec === 'opus'))
      void this.playback.play()
    })
    hls.on(Library.Events.LEVEL_UPDATED, () => this.noticeMove())
    if (this.options.onLoaded) countLoaded(hls, Library, this.options.onLoaded)
    hls.on(Library.Events.ERROR, (_event, data) => this.onHlsError(Library, data))
    hls.loadSource(this.options.url)
    hls.attachMedia(this.video)
  }

  private onHlsError(Library: typeof Hls, data: ErrorData): void {
    if (!data.fatal) return
    if (data.type === Library.ErrorTypes.MEDIA_ERROR && this.mediaErrors < MEDIA_ERRORS_MENDED) {
      this.mediaErrors += 1
      return this.hls?.recoverMediaError()
    }
    if (data.details === Library.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
      this.unload()
      return this.state.set({ name: 'failed', reason: 'cannot_play' }, data.details)
    }
    if (data.response?.code === 404) return this.retry('no stream', NO_STREAM_WAIT_MS)
    this.retry(data.details)
  }

  /** `waitMs`: there is no stream to come back to; the next one begins where it is. */
  private retry(why: string, waitMs?: number): void {
    const range = this.isBack && this.state.is('playing') ? this.range() : null
    if (range) this.returnMs = Math.max(0, (this.video.currentTime - range.start) * 1_000)
    if (waitMs) this.returnMs = null
    this.unload()
    const attempt = Math.max(1, this.attemptsInARow)
    const retryInMs = waitMs ?? backoffMs(attempt)
    if (waitMs) this.attemptsInARow = 0
    this.state.set(waitMs ? { name: 'waiting', retryInMs } : { name: 'reconnecting', attempt, retryInMs }, why)
    this.retryTimer = setTimeout(() => void this.connect(), retryInMs)
  }

  private onPicture(): void {
    if (!this.state.is('connecting')) return
    this.attemptsInARow = 0
    this.returnMs = null
    this.state.set({ name: 'playing', firstFrameMs: Math.round(performance.now() - this.askedMs) })
  }

  private onTick(): void {
    if (!this.state.is('playing')) return
    const range = this.range()
    if (!range) return
    if (!this.isBack && range.live - this.video.currentTime > LOST_TOUCH_SECONDS) this.video.currentTime = range.live
    this.noticeMove()
    this.getUnstuck()
    this.tellPlace()
    this.tellStats()
  }

  /** The broadcast may have moved to another node, where the way back begins anew. Looked at before hls.js, which would go to live without a word. */
  private noticeMove(): void {
    const range = this.range()
    if (!range || !this.isBack || !this.state.is('playing')) return
    const { currentTime } = this.video
    if (currentTime < range.start - OUTSIDE_SECONDS || currentTime > range.end) this.toLive()
  }

  private getUnstuck(): void {
    const { currentTime, paused } = this.video
    if (currentTime !== this.stuck.at || paused) this.stuck = { at: currentTime, sinceMs: performance.now() }
    if (!this.isBack || performance.now() - this.stuck.sinceMs < STUCK_MS) return
    const next = this.details?.fragments.find(({ start }) => start > currentTime)
    if (next) this.video.currentTime = next.start + INTO_SEGMENT_SECONDS
  }

  private tellPlace(): void {
    const range = this.range()
    if (range) this.lengthMs = Math.round((range.end - range.start) * 1_000)
    const { lengthMs, isBack } = this
    if (lengthMs === 0) return
    const backMs = this.returnMs ?? (range ? (this.video.currentTime - range.start) * 1_000 : 0)
    const atMs = isBack ? Math.round(backMs) : lengthMs
    this.options.onPlace?.({ lengthMs, atMs: Math.min(Math.max(0, atMs), lengthMs), isBack })
  }

  private tellStats(): void {
    const { videoWidth, videoHeight } = this.video
    const decoded = this.video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0
    const before = this.counted
    this.counted = { frames: decoded, atMs: performance.now() }
    const seconds = Math.max(0.001, (this.counted.atMs - before.atMs) / 1_000)
    const framesPerSecond = Math.max(0, Math.round((decoded - before.frames) / seconds))
    this.options.onStats?.({
      bitrateKbps: Math.round((this.hls?.levels[this.hls.loadLevel]?.bitrate ?? 0) / 1_000),
      framesPerSecond,
      lossPercent: 0,
      framesDecoded: decoded,
      bytesReceived: 0,
      width: videoWidth,
      height: videoHeight,
      jitterMs: 0,
      freezes: 0,
      delayMs: Math.round(this.delayMs),
    })
  }

  private get details(): LevelDetails | null {
    return this.hls?.levels[this.hls.loadLevel]?.details ?? null
  }

  /**
   * On the video's own line, in seconds: the beginning, the newest, and where a player stays behind it. `first` is the second
   * segment: the line was laid from the newest one back, and a first picture a hair before its zero would be thrown away.
   */
  private range(): { start: number; first: number; end: number; live: number } | null {
    const details = this.details
    if (details) {
      const { fragmentStart: start, edge: end, fragments } = details
      const first = (fragments[1]?.start ?? start) + INTO_SEGMENT_SECONDS
      return { start, first, end, live: this.hls?.liveSyncPosition ?? end }
    }
    const { seekable } = this.video
    if (this.hls || seekable.length === 0) return null
    const end = seekable.end(seekable.length - 1)
    return { start: seekable.start(0), first: seekable.start(0), end, live: end }
  }

  /** The moment that the shown picture was taken, by the playlist's clock. */
  private shownAtMs(): number | null {
    const native = this.video as HTMLVideoElement & { getStartDate?: () => Date }
    const startMs = native.getStartDate?.().getTime()
    const ms = this.hls ? this.hls.playingDate?.getTime() : startMs === undefined ? undefined : startMs + this.video.currentTime * 1_000
    return ms === undefined || Number.isNaN(ms) ? null : ms
  }

  private unload(): void {
    clearTimeout(this.retryTimer)
    this.generation += 1
    this.hls?.destroy()
    this.hls = null
    if (this.video.hasAttribute('src')) {
      this.video.removeAttribute('src')
      this.video.load()
    }
  }
}

async function loadHls(): Promise<typeof Hls> {
  return (await import('hls.js/light')).default
}
