// Plays one live stream over WHEP into a video element, and comes back by itself whatever the network does.

import { backoffMs } from './backoff'
import { deleteSession, ExchangeRefused, type Exchanged, type Fetch, postOffer } from './exchange'
import { type EdgeLog, MachineState } from './machine'
import { entriesOf, type PlayCounters, playCounters, type PlayStats, playStats } from './play-stats'
import { liveVideoCodecs } from './sdp'

export type PlayerFailure = 'unknown_room' | 'cannot_play'

export type PlayerState =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly attempt: number }
  /** The server says that nobody is publishing: asked again after `retryInMs`. */
  | { readonly name: 'waiting'; readonly retryInMs: number }
  | { readonly name: 'playing'; readonly firstFrameMs: number }
  | { readonly name: 'reconnecting'; readonly attempt: number; readonly retryInMs: number }
  | { readonly name: 'failed'; readonly reason: PlayerFailure }
  | { readonly name: 'closed' }

/** What the player needs of a <video>. */
export type VideoSink = Pick<HTMLVideoElement, 'srcObject' | 'muted' | 'play'> &
  Partial<Pick<HTMLVideoElement, 'requestVideoFrameCallback' | 'cancelVideoFrameCallback'>>

export interface WhepPlayerOptions {
  readonly url: string
  readonly video: VideoSink
  readonly onState?: (state: PlayerState) => void
  readonly onStats?: (stats: PlayStats) => void
  /** The browser refused sound without a tap: the picture plays on, muted. */
  readonly onSoundRefused?: () => void
  readonly createPeer?: () => RTCPeerConnection
  readonly createStream?: () => MediaStream
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
const STATS_INTERVAL_MS = 1_000
const DEFAULT_RETRY_AFTER_MS = 2_000

/** Everything that belongs to one try; a callback of an older try finds that it isn't `this.attempt` any more. */
interface Attempt {
  readonly peer: RTCPeerConnection
  readonly abort: AbortController
  readonly startedMs: number
  exchanged: Exchanged | null
  counters: PlayCounters | null
  lastPacketMs: number
}

export class WhepPlayer {
  private readonly state: MachineState<PlayerState>
  private readonly video: VideoSink
  private readonly fetch: Fetch
  private readonly nowMs: () => number
  private attempt: Attempt | null = null
  private attemptsInARow = 0
  private pictureExpected = true
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private deadlineTimer: ReturnType<typeof setTimeout> | undefined
  private patienceTimer: ReturnType<typeof setTimeout> | undefined
  private statsTimer: ReturnType<typeof setInterval> | undefined
  private frameCallback: number | undefined

  constructor(private readonly options: WhepPlayerOptions) {
    this.video = options.video
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
    if (!this.state.is('waiting', 'reconnecting', 'failed')) return
    this.attemptsInARow = 0
    void this.connect()
  }

  /** While the host is known to be away, silence is no reason to ask again: the session goes on with him. */
  expectPicture(expected: boolean): void {
    this.pictureExpected = expected
  }

  /** Sound needs a tap in most browsers: call this from the tap. */
  async setMuted(muted: boolean): Promise<void> {
    this.video.muted = muted
    await this.playVideo()
  }

  destroy(): void {
    this.dropAttempt()
    this.video.srcObject = null
    this.state.finish({ name: 'closed' }, 'destroyed')
  }

  private async connect(): Promise<void> {
    this.dropAttempt()
    this.attemptsInARow += 1
    this.state.set({ name: 'connecting', attempt: this.attemptsInARow })
    const attempt = this.openAttempt()
    try {
      const offer = await attempt.peer.createOffer()
      await attempt.peer.setLocalDescription(offer)
      const exchanged = await postOffer(this.options.url, attempt.peer.localDescription?.sdp ?? offer.sdp ?? '', {
        fetch: this.fetch,
        signal: attempt.abort.signal,
      })
      if (attempt !== this.attempt) {
        void deleteSession(exchanged.location, { fetch: this.fetch })
        return
      }
      attempt.exchanged = exchanged
      await attempt.peer.setRemoteDescription({ type: 'answer', sdp: exchanged.answer })
    } catch (error) {
      if (attempt === this.attempt) this.onConnectError(error)
    }
  }

  private openAttempt(): Attempt {
    const peer = (this.options.createPeer ?? createPeer)()
    const startedMs = this.nowMs()
    const attempt: Attempt = {
      peer,
      abort: new AbortController(),
      startedMs,
      exchanged: null,
      counters: null,
      lastPacketMs: startedMs,
    }
    this.attempt = attempt
    const stream = (this.options.createStream ?? (() => new MediaStream()))()
    const video = peer.addTransceiver('video', { direction: 'recvonly' })
    const codecs = liveVideoCodecs((this.options.videoCodecs ?? receivableVideoCodecs)())
    if (codecs.length > 0) video.setCodecPreferences(codecs)
    peer.addTransceiver('audio', { direction: 'recvonly' })
    peer.ontrack = (event) => {
      if (attempt === this.attempt) this.onTrack(stream, event.track)
    }
    peer.onconnectionstatechange = () => {
      if (attempt === this.attempt) this.onConnection(peer.connectionState)
    }
    this.deadlineTimer = setTimeout(() => this.reconnect('no picture in time'), FIRST_FRAME_TIMEOUT_MS)
    this.statsTimer = setInterval(() => void this.readStats(attempt), STATS_INTERVAL_MS)
    return attempt
  }

  private onTrack(stream: MediaStream, track: MediaStreamTrack): void {
    stream.addTrack(track)
    if (this.video.srcObject === stream) return
    this.video.srcObject = stream
    this.frameCallback = this.video.requestVideoFrameCallback?.(() => this.onFirstFrame('frame shown'))
    void this.playVideo()
  }

  private onFirstFrame(why: string): void {
    if (!this.state.is('connecting') || !this.attempt) return
    clearTimeout(this.deadlineTimer)
    this.attemptsInARow = 0
    this.state.set({ name: 'playing', firstFrameMs: Math.round(this.nowMs() - this.attempt.startedMs) }, why)
  }

  private onConnection(connection: RTCPeerConnectionState): void {
    clearTimeout(this.patienceTimer)
    if (connection === 'failed' || connection === 'closed') this.reconnect(`connection ${connection}`)
    if (connection === 'disconnected') {
      this.patienceTimer = setTimeout(() => this.reconnect('connection lost'), DISCONNECTED_PATIENCE_MS)
    }
  }

  private onConnectError(error: unknown): void {
    if (!(error instanceof ExchangeRefused)) return this.reconnect('no answer')
    if (error.status === 404) return this.fail('unknown_room', error.message)
    if (error.status === 406 || error.status === 400 || error.status === 415) return this.fail('cannot_play', error.message)
    if (error.status !== 409) return this.reconnect(error.code, error.retryAfterMs)
    this.dropAttempt()
    this.attemptsInARow = 0
    const retryInMs = error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS
    this.state.set({ name: 'waiting', retryInMs }, 'no publisher')
    this.retryTimer = setTimeout(() => void this.connect(), retryInMs)
  }

  private reconnect(why: string, atLeastMs: number | null = null): void {
    this.dropAttempt()
    const attempt = Math.max(1, this.attemptsInARow)
    const retryInMs = Math.max(atLeastMs ?? 0, backoffMs(attempt, this.options.random))
    this.state.set({ name: 'reconnecting', attempt, retryInMs }, why)
    this.retryTimer = setTimeout(() => void this.connect(), retryInMs)
  }

  private fail(reason: PlayerFailure, why: string): void {
    this.dropAttempt()
    this.state.set({ name: 'failed', reason }, why)
  }

  /** Undoes openAttempt() and says goodbye to the server; the last picture stays on the screen until the next one. */
  private dropAttempt(): void {
    clearTimeout(this.retryTimer)
    clearTimeout(this.deadlineTimer)
    clearTimeout(this.patienceTimer)
    clearInterval(this.statsTimer)
    if (this.frameCallback !== undefined) this.video.cancelVideoFrameCallback?.(this.frameCallback)
    this.frameCallback = undefined
    const attempt = this.attempt
    this.attempt = null
    if (!attempt) return
    attempt.abort.abort()
    attempt.peer.ontrack = null
    attempt.peer.onconnectionstatechange = null
    if (!attempt.exchanged) return attempt.peer.close()
    // Goodbye first: a closed peer ends the session over there, and the DELETE would find nothing.
    void deleteSession(attempt.exchanged.location, { fetch: this.fetch }).finally(() => attempt.peer.close())
  }

  private async playVideo(): Promise<void> {
    try {
      await this.video.play()
    } catch (error) {
      if (this.video.muted || !(error instanceof DOMException) || error.name !== 'NotAllowedError') return
      this.video.muted = true
      this.options.onSoundRefused?.()
      await this.playVideo()
    }
  }

  private async readStats(attempt: Attempt): Promise<void> {
    const counters = playCounters(entriesOf(await attempt.peer.getStats()), this.nowMs())
    if (attempt !== this.attempt) return
    const before = attempt.counters
    attempt.counters = counters
    if (counters.bytes > (before?.bytes ?? 0) || !this.pictureExpected) attempt.lastPacketMs = counters.atMs
    // Browsers without requestVideoFrameCallback, and hidden pages, tell the first frame only by its counter.
    if (counters.framesDecoded > 0) this.onFirstFrame('frame decoded')
    if (before) this.options.onStats?.(playStats(before, counters))
    if (this.state.is('playing') && counters.atMs - attempt.lastPacketMs > SILENCE_LIMIT_MS) this.reconnect('silence')
  }
}

function createPeer(): RTCPeerConnection {
  // One transport for picture and sound, and no ICE servers: the media node is ICE-lite on one public UDP port.
  return new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
}

function receivableVideoCodecs(): RTCRtpCodec[] {
  return RTCRtpReceiver.getCapabilities('video')?.codecs ?? []
}
