// Plays one live stream over WHEP into a video element, and comes back by itself whatever the network does.

import { backoffMs } from './backoff'
import { type CreatePeer, ExchangeRefused, type Fetch } from './exchange'
import { type EdgeLog, MachineState } from './machine'
import { withPass } from './links'
import { effectiveQuality, layerRequest, type PictureLayer, type Quality, readLayers } from './picture-choice'
import { type PlayCounters, type PlayStats, playStats } from './play-stats'
import { Playback, type PlaybackOptions } from './playback'
import { type EventStream, type SessionEvent, WhepSession } from './whep-session'

/** `banned`: the room has put this viewer out. */
export type PlayerFailure = 'unknown_room' | 'cannot_play' | 'banned'

export type PlayerState =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly attempt: number }
  /** The server says that nobody is publishing: asked again after `retryInMs`. */
  | { readonly name: 'waiting'; readonly retryInMs: number }
  | { readonly name: 'playing'; readonly firstFrameMs: number }
  | { readonly name: 'reconnecting'; readonly attempt: number; readonly retryInMs: number }
  | { readonly name: 'failed'; readonly reason: PlayerFailure }
  | { readonly name: 'closed' }

/** What the media node tells beside picture and sound. */
export interface PlayerNews {
  /** It lets viewers choose what they get. */
  readonly canChoose: boolean
  readonly layers: readonly PictureLayer[]
  /** The publisher is sending. */
  readonly active: boolean
}

/** What the player needs of a <video>. */
export type VideoSink = PlaybackOptions['video'] &
  Pick<HTMLVideoElement, 'srcObject'> &
  Partial<Pick<HTMLVideoElement, 'requestVideoFrameCallback' | 'cancelVideoFrameCallback'>>

export interface WhepPlayerOptions {
  readonly url: string
  readonly video: VideoSink
  readonly quality?: Quality
  /** Who plays, as far as the media node needs it: asked for each session. */
  readonly pass?: (() => string | null) | undefined
  readonly onState?: (state: PlayerState) => void
  readonly onStats?: (stats: PlayStats) => void
  readonly onNews?: (news: PlayerNews) => void
  readonly onSoundRefused?: () => void
  readonly onTapNeeded?: (needed: boolean) => void
  readonly createPeer?: CreatePeer
  readonly createStream?: () => MediaStream
  readonly createEvents?: (url: string) => EventStream
  readonly fetch?: Fetch
  readonly nowMs?: () => number
  readonly random?: () => number
  readonly videoCodecs?: () => RTCRtpCodec[]
  readonly logEdge?: EdgeLog
}

/** ICE, DTLS and the first keyframe take about 0.1 s on a LAN and under 3 s on a bad phone network. */
const FIRST_FRAME_TIMEOUT_MS = 10_000
/** ICE "disconnected" often heals by itself; after this long a new session is quicker. */
const DISCONNECTED_PATIENCE_MS = 3_000
/** No packet for so long means that the publisher or the path is gone: ask the server which. */
const SILENCE_LIMIT_MS = 5_000
/** Slides of a stream without sound, or the sound of a quiet host, come seldom. */
const SLOW_SILENCE_LIMIT_MS = 30_000
const STATS_INTERVAL_MS = 1_000
/** How often a session that is not on the screen yet is asked whether it has a picture. */
const PICTURE_POLL_MS = 100
const DEFAULT_RETRY_AFTER_MS = 2_000
/** Packets that were on their way when the publisher vanished don't mean that he is back. */
const INACTIVE_ECHO_MS = 2_000

export class WhepPlayer {
  private readonly state: MachineState<PlayerState>
  private readonly video: VideoSink
  private readonly playback: Playback
  private readonly fetch: Fetch
  private readonly nowMs: () => number
  /** What is on the screen; its tracks are changed under the picture, so that no black moment is seen. */
  private stream: MediaStream | null = null
  private shown: WhepSession | null = null
  private session: WhepSession | null = null
  /** The session that takes over as soon as it has a picture. */
  private successor: WhepSession | null = null
  private movesInARow = 0
  private quality: Quality
  private news: PlayerNews = { canChoose: false, layers: [], active: true }
  private inactiveSinceMs = 0
  private iceServers: RTCIceServer[] = []
  private attemptsInARow = 0
  private pictureExpected = true
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private moveTimer: ReturnType<typeof setTimeout> | undefined
  private deadlineTimer: ReturnType<typeof setTimeout> | undefined
  private patienceTimer: ReturnType<typeof setTimeout> | undefined
  private statsTimer: ReturnType<typeof setInterval> | undefined
  private pictureTimer: ReturnType<typeof setInterval> | undefined
  private frameCallback: number | undefined

  constructor(private readonly options: WhepPlayerOptions) {
    this.video = options.video
    this.playback = new Playback({ ...options, mayPlay: () => this.stream !== null })
    this.quality = options.quality ?? 'auto'
    this.fetch = options.fetch ?? ((url, init) => fetch(url, init))
    this.nowMs = options.nowMs ?? (() => performance.now())
    this.state = new MachineState<PlayerState>(
      'player',
      { name: 'idle' },
      (state) => options.onState?.(state),
      options.logEdge,
    )
  }

  get current(): PlayerState {
    return this.state.get()
  }

  start(): void {
    if (!this.state.is('idle')) return
    void this.connect()
  }

  /** Something outside says that now is a good moment (network back, stream began): don't wait for the timer. */
  retryNow(): void {
    // A try that is on its way goes on; whatever failed before it counts no more.
    if (this.state.is('connecting')) this.attemptsInARow = 1
    if (!this.state.is('waiting', 'reconnecting', 'failed')) return
    this.attemptsInARow = 0
    void this.connect()
  }

  /** Asked of this session and of every one that follows it. */
  choose(quality: Quality): void {
    this.quality = quality
    this.askForQuality()
  }

  /** While the host is known to be away, silence is no reason to ask again: the session goes on with him. */
  expectPicture(expected: boolean): void {
    this.pictureExpected = expected
  }

  /** Sound needs a tap in most browsers: call this from the tap. */
  async setMuted(muted: boolean): Promise<void> {
    this.video.muted = muted
    await this.playback.play()
  }

  /** From the tap that the browser wants before it plays at all. */
  takeUp(): void {
    this.playback.takeUp()
  }

  destroy(): void {
    this.dropSessions()
    this.playback.destroy()
    this.video.srcObject = null
    this.state.finish({ name: 'closed' }, 'destroyed')
  }

  private async connect(): Promise<void> {
    this.dropSessions()
    this.attemptsInARow += 1
    this.state.set({ name: 'connecting', attempt: this.attemptsInARow })
    const session = this.makeSession(this.options.url)
    this.session = session
    this.deadlineTimer = setTimeout(() => this.reconnect('no picture in time'), FIRST_FRAME_TIMEOUT_MS)
    this.statsTimer = setInterval(() => void this.onTick(), STATS_INTERVAL_MS)
    try {
      await session.open()
      this.onOpened(session)
    } catch (error) {
      if (session === this.session) this.onConnectError(error)
    }
  }

  private makeSession(url: string): WhepSession {
    const session: WhepSession = new WhepSession({
      url: withPass(url, this.options.pass?.()),
      fetch: this.fetch,
      nowMs: this.nowMs,
      iceServers: this.iceServers,
      createPeer: this.options.createPeer,
      createEvents: this.options.createEvents,
      videoCodecs: this.options.videoCodecs,
      onTrack: (track) => this.onTrack(session, track),
      onConnection: (state) => this.onConnection(session, state),
      onEvent: (event, data) => this.onEvent(session, event, data),
    })
    return session
  }

  private onOpened(session: WhepSession): void {
    if (session.isLeft) return
    this.iceServers = session.iceServers
    if (session === this.session) this.tell({ canChoose: session.canChoose, active: true })
    // Before the first packet comes: who saves data isn't sent moving pictures first.
    this.askForQuality()
    void session.listen()
  }

  private askForQuality(): void {
    const request = layerRequest(this.quality, this.news.layers)
    void this.session?.ask(request)
    void this.successor?.ask(request)
  }

  private tell(change: Partial<PlayerNews>): void {
    this.news = { ...this.news, ...change }
    this.options.onNews?.(this.news)
  }

  private onEvent(session: WhepSession, event: SessionEvent, data: unknown): void {
    if (event === 'layers') {
      // None: the host is away. What was chosen, and between what, stays.
      const layers = readLayers(data)
      this.tell({ layers: layers?.length ? layers : this.news.layers })
      return this.askForQuality()
    }
    if (session !== this.session) return
    if (event === 'reconnect') return this.move(addressOf(data))
    if (event === 'banned') return this.fail('banned', event)
    this.inactiveSinceMs = this.nowMs()
    this.tell({ active: event === 'active' })
  }

  /** Opens a second session and leaves the first one when the second has a picture: the viewer sees nothing of it. */
  private move(url: string | null): void {
    if (this.successor || !this.session) return
    clearTimeout(this.moveTimer)
    this.movesInARow += 1
    const successor = this.makeSession(url ?? this.options.url)
    this.successor = successor
    this.moveTimer = setTimeout(() => this.moveLater(null), FIRST_FRAME_TIMEOUT_MS)
    successor.open().then(
      () => {
        this.onOpened(successor)
        this.waitForPicture()
      },
      (error: unknown) => {
        if (successor === this.successor) this.moveLater(error instanceof ExchangeRefused ? error.retryAfterMs : null)
      },
    )
  }

  /** The old session plays on meanwhile; should it end, everything is connected anew anyway. */
  private moveLater(atLeastMs: number | null): void {
    clearTimeout(this.moveTimer)
    this.successor?.leave()
    this.successor = null
    const waitMs = Math.max(atLeastMs ?? 0, backoffMs(this.movesInARow, this.options.random))
    this.moveTimer = setTimeout(() => this.move(null), waitMs)
  }

  private onTrack(session: WhepSession, track: MediaStreamTrack): void {
    if (session === this.shown) this.stream?.addTrack(track)
    else if (session === this.session && !this.stream) this.show(session)
    else this.waitForPicture()
  }

  private waitForPicture(): void {
    clearInterval(this.pictureTimer)
    this.pictureTimer = setInterval(() => void this.lookForPicture(), PICTURE_POLL_MS)
  }

  private async lookForPicture(): Promise<void> {
    const waiting = this.successor ?? this.session
    const counters = await waiting?.count()
    if (!waiting || !counters || waiting === this.shown || !this.hasPicture(counters)) return
    clearInterval(this.pictureTimer)
    if (waiting === this.successor) {
      const predecessor = this.session
      this.session = waiting
      this.successor = null
      this.movesInARow = 0
      clearTimeout(this.moveTimer)
      clearTimeout(this.patienceTimer)
      this.show(waiting)
      predecessor?.leave()
      this.tell({ canChoose: waiting.canChoose, active: true })
    } else if (waiting === this.session) {
      this.show(waiting)
    }
    this.onFirstFrame('frame decoded')
  }

  private hasPicture(counters: PlayCounters): boolean {
    // While a tap is waited for, some browsers decode nothing: the line carries all the same.
    return counters.framesDecoded > 0 || ((this.hearsOnly || this.playback.tapNeeded) && counters.packets > 0)
  }

  private get hearsOnly(): boolean {
    return effectiveQuality(this.quality, this.news.layers) === 'audio'
  }

  private show(session: WhepSession): void {
    this.shown = session
    const before = this.stream?.getTracks() ?? []
    if (this.stream && before.some((track) => track.readyState !== 'ended')) {
      for (const track of session.tracks) this.stream.addTrack(track)
      for (const track of before) this.stream.removeTrack(track)
      return
    }
    const stream = (this.options.createStream ?? (() => new MediaStream()))()
    for (const track of session.tracks) stream.addTrack(track)
    this.stream = stream
    this.video.srcObject = stream
    this.frameCallback = this.video.requestVideoFrameCallback?.(() => this.onFirstFrame('frame shown'))
    void this.playback.play()
  }

  private onFirstFrame(why: string): void {
    if (!this.state.is('connecting') || !this.session) return
    clearTimeout(this.deadlineTimer)
    this.attemptsInARow = 0
    this.state.set({ name: 'playing', firstFrameMs: Math.round(this.nowMs() - this.session.askedMs) }, why)
  }

  private onConnection(session: WhepSession, connection: RTCPeerConnectionState): void {
    if (session === this.successor && (connection === 'failed' || connection === 'closed')) this.moveLater(null)
    if (session !== this.session) return
    clearTimeout(this.patienceTimer)
    if (connection === 'failed' || connection === 'closed') this.reconnect(`connection ${connection}`)
    if (connection === 'disconnected') {
      this.patienceTimer = setTimeout(() => this.reconnect('connection lost'), DISCONNECTED_PATIENCE_MS)
    }
  }

  private onConnectError(error: unknown): void {
    if (!(error instanceof ExchangeRefused)) return this.reconnect(error instanceof Error ? error.message : 'no answer')
    if (error.status === 404) return this.fail('unknown_room', error.message)
    if (error.code === 'banned') return this.fail('banned', error.message)
    if (error.status === 406 || error.status === 400 || error.status === 415) return this.fail('cannot_play', error.message)
    if (error.status !== 409) return this.reconnect(error.code, error.retryAfterMs)
    this.dropSessions()
    this.attemptsInARow = 0
    const retryInMs = error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS
    this.state.set({ name: 'waiting', retryInMs }, 'no publisher')
    this.retryTimer = setTimeout(() => void this.connect(), retryInMs)
  }

  private reconnect(why: string, atLeastMs: number | null = null): void {
    this.dropSessions()
    const attempt = Math.max(1, this.attemptsInARow)
    const retryInMs = Math.max(atLeastMs ?? 0, backoffMs(attempt, this.options.random))
    this.state.set({ name: 'reconnecting', attempt, retryInMs }, why)
    this.retryTimer = setTimeout(() => void this.connect(), retryInMs)
  }

  private fail(reason: PlayerFailure, why: string): void {
    this.dropSessions()
    this.state.set({ name: 'failed', reason }, why)
  }

  /** Says goodbye to the server; the last picture stays on the screen until the next one. */
  private dropSessions(): void {
    for (const timer of [this.retryTimer, this.moveTimer, this.deadlineTimer, this.patienceTimer]) clearTimeout(timer)
    for (const timer of [this.statsTimer, this.pictureTimer]) clearInterval(timer)
    if (this.frameCallback !== undefined) this.video.cancelVideoFrameCallback?.(this.frameCallback)
    this.frameCallback = undefined
    this.session?.leave()
    this.successor?.leave()
    this.session = null
    this.successor = null
  }

  private async onTick(): Promise<void> {
    const session = this.session
    const before = session?.counters ?? null
    const counters = await session?.count()
    if (!session || !counters || session !== this.session) return
    if (!this.pictureExpected || !this.news.active) session.lastPacketMs = counters.atMs
    this.noticeReturn(before, counters)
    // Browsers without requestVideoFrameCallback, and hidden pages, tell the first frame only by its counter.
    if (session === this.shown && this.hasPicture(counters)) this.onFirstFrame('frame decoded')
    if (before) this.options.onStats?.(playStats(before, counters))
    if (this.state.is('playing') && counters.atMs - session.lastPacketMs > this.silenceLimitMs) return this.reconnect('silence')
    this.askForQuality()
    void session.listen()
  }

  /** The event that says so may have been lost. */
  private noticeReturn(before: PlayCounters | null, now: PlayCounters): void {
    if (this.news.active || now.atMs - this.inactiveSinceMs < INACTIVE_ECHO_MS) return
    if (before && now.bytes > before.bytes) this.tell({ active: true })
  }

  private get silenceLimitMs(): number {
    const quality = effectiveQuality(this.quality, this.news.layers)
    return quality === 'slides' || quality === 'audio' ? SLOW_SILENCE_LIMIT_MS : SILENCE_LIMIT_MS
  }
}

/** Where a `reconnect` event sends its viewers; null: where they came from. */
function addressOf(data: unknown): string | null {
  const url = typeof data === 'object' && data !== null && 'url' in data ? data.url : null
  return typeof url === 'string' && url ? url : null
}
