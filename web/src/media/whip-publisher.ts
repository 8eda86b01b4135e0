// Publishes one camera and microphone over WHIP, and keeps the broadcast alive when the phone changes its network.

import { backoffMs } from './backoff'
import { createPeer, type CreatePeer, deleteSession, ExchangeRefused, type Exchanged, type Fetch, patchRestart, postOffer } from './exchange'
import { iceServersOf } from './links'
import { type EdgeLog, MachineState } from './machine'
import { entriesOf } from './play-stats'
import { judgeQuality, type PublishCounters, publishCounters, type PublishStats, publishStats, type Quality } from './publish-stats'
import { answerAfterRestart, liveVideoCodecs, restartFragment } from './sdp'
import { encodingsFor } from './simulcast'

export type PublisherFailure = 'key_refused' | 'unknown_room' | 'already_live' | 'cannot_serve'

export type PublisherState =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly attempt: number }
  | { readonly name: 'live' }
  /** The picture doesn't get out at the moment; the session is being mended, by an ICE restart or a new one. */
  | { readonly name: 'reconnecting'; readonly attempt: number }
  | { readonly name: 'ending' }
  | { readonly name: 'ended' }
  | { readonly name: 'failed'; readonly reason: PublisherFailure; readonly detail: string }

export interface WhipPublisherOptions {
  readonly url: string
  readonly key: string
  readonly onState?: (state: PublisherState) => void
  readonly onStats?: (stats: PublishStats, quality: Quality) => void
  readonly createPeer?: CreatePeer
  readonly fetch?: Fetch
  readonly nowMs?: () => number
  readonly random?: () => number
  readonly videoCodecs?: () => RTCRtpCodec[]
  readonly logEdge?: EdgeLog
}

const CONNECT_TIMEOUT_MS = 10_000
/** ICE "disconnected" often heals by itself within two seconds. */
const DISCONNECTED_PATIENCE_MS = 2_000
/** An ICE restart takes one round trip of HTTP and one of STUN. */
const RESTART_TIMEOUT_MS = 5_000
/** The server said goodbye: most likely the stream was ended elsewhere, and the page is about to hear of it. */
const CLOSED_BY_SERVER_WAIT_MS = 3_000
const STATS_INTERVAL_MS = 1_000
/** What is asked of the camera, and what it is taken for where the browser doesn't say. */
const USUAL_SIZE = { width: 1280, height: 720 }

interface Attempt {
  readonly peer: RTCPeerConnection
  readonly abort: AbortController
  exchanged: Exchanged | null
  restarting: boolean
  counters: PublishCounters | null
}

export class WhipPublisher {
  private readonly state: MachineState<PublisherState>
  private readonly fetch: Fetch
  private readonly nowMs: () => number
  private tracks: MediaStreamTrack[] = []
  private stream: MediaStream | null = null
  private attempt: Attempt | null = null
  private iceServers: RTCIceServer[] = []
  private attemptsInARow = 0
  /** Once this page has been live, it may replace its own earlier session, of which the server may not know that it is dead. */
  private mayTakeOver = false
  private mayMend = true
  private liveSinceMs = 0
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private deadlineTimer: ReturnType<typeof setTimeout> | undefined
  private patienceTimer: ReturnType<typeof setTimeout> | undefined
  private statsTimer: ReturnType<typeof setInterval> | undefined

  constructor(private readonly options: WhipPublisherOptions) {
    this.fetch = options.fetch ?? ((url, init) => fetch(url, init))
    this.nowMs = options.nowMs ?? (() => performance.now())
    this.state = new MachineState<PublisherState>(
      'publisher',
      { name: 'idle' },
      (state) => options.onState?.(state),
      options.logEdge,
    )
  }

  get current(): PublisherState {
    return this.state.get()
  }

  start(stream: MediaStream, { takeOver = false } = {}): void {
    if (!this.state.is('idle', 'failed')) return
    this.stream = stream
    this.tracks = stream.getTracks()
    this.mayTakeOver = takeOver
    this.attemptsInARow = 0
    void this.connect()
  }

  /** Front camera to back camera, or another microphone, without the viewers losing the stream. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    this.tracks = this.tracks.map((old) => (old.kind === track.kind ? track : old))
    const sender = this.attempt?.peer.getSenders().find((each) => each.track?.kind === track.kind)
    await sender?.replaceTrack(track)
  }

  /** The phone changed its network (Wi-Fi to 4G): don't wait until ICE has noticed. */
  networkChanged(): void {
    if (this.state.is('live') && this.attempt) void this.restart(this.attempt, 'network changed')
    else if (this.state.is('reconnecting')) {
      this.attemptsInARow = 0
      void this.connect()
    }
  }

  /**
   * While the server is being asked to end the stream, a connection that closes is no accident: joining again would begin
   * another stream. If the request fails, mending is allowed again.
   */
  allowMending(allowed: boolean): void {
    this.mayMend = allowed
    if (allowed && this.attempt && this.attempt.peer.connectionState !== 'connected') this.rejoin('lost meanwhile')
  }

  /** The host ends the broadcast: the DELETE tells the media node, which ends the stream at once. */
  async stop(): Promise<void> {
    if (this.state.is('ended', 'idle')) return
    this.state.set({ name: 'ending' })
    const location = this.attempt?.exchanged?.location
    if (location) await deleteSession(location, { fetch: this.fetch, bearer: this.options.key })
    this.dropAttempt()
    this.state.set({ name: 'ended' })
  }

  /**
   * Leaves without ending the stream: viewers read "the host will be back", and the studio may rejoin within the grace
   * period. Only stop() ends a broadcast.
   */
  destroy(): void {
    this.dropAttempt()
    this.state.finish({ name: 'ended' }, 'destroyed')
  }

  private async connect(): Promise<void> {
    this.dropAttempt()
    this.attemptsInARow += 1
    const name = this.liveSinceMs > 0 ? 'reconnecting' : 'connecting'
    this.state.set({ name, attempt: this.attemptsInARow })
    const attempt = this.openAttempt()
    try {
      const offer = await attempt.peer.createOffer()
      await attempt.peer.setLocalDescription(offer)
      const sdp = attempt.peer.localDescription?.sdp ?? offer.sdp ?? ''
      const exchanged = await postOffer(this.publishUrl(), sdp, this.exchangeOptions(attempt))
      // Too late for us, but no DELETE: it would end the stream that a newer attempt may already carry on.
      if (attempt !== this.attempt) return
      attempt.exchanged = exchanged
      this.iceServers = iceServersOf(exchanged.links)
      await attempt.peer.setRemoteDescription({ type: 'answer', sdp: exchanged.answer })
    } catch (error) {
      if (attempt === this.attempt) this.onConnectError(error)
    }
  }

  private openAttempt(): Attempt {
    const peer = (this.options.createPeer ?? createPeer)(this.iceServers)
    const attempt: Attempt = { peer, abort: new AbortController(), exchanged: null, restarting: false, counters: null }
    this.attempt = attempt
    for (const track of this.tracks) this.addTrack(peer, track)
    peer.onconnectionstatechange = () => {
      if (attempt === this.attempt) this.onConnection(attempt)
    }
    this.deadlineTimer = setTimeout(() => this.rejoin('not connected in time'), CONNECT_TIMEOUT_MS)
    this.statsTimer = setInterval(() => void this.readStats(attempt), STATS_INTERVAL_MS)
    return attempt
  }

  private addTrack(peer: RTCPeerConnection, track: MediaStreamTrack): void {
    const streams = this.stream ? [this.stream] : []
    const video = track.kind === 'video'
    const transceiver = peer.addTransceiver(track, {
      direction: 'sendonly',
      streams,
      ...(video && { sendEncodings: encodingsOf(track) }),
    })
    if (!video) return
    const codecs = liveVideoCodecs((this.options.videoCodecs ?? sendableVideoCodecs)())
    if (codecs.length > 0) transceiver.setCodecPreferences(codecs)
  }

  private publishUrl(): string {
    if (!this.mayTakeOver) return this.options.url
    return `${this.options.url}${this.options.url.includes('?') ? '&' : '?'}takeover=1`
  }

  private onConnection(attempt: Attempt): void {
    clearTimeout(this.patienceTimer)
    if (!this.mayMend) return
    const connection = attempt.peer.connectionState
    if (connection === 'connected') this.onConnected(attempt)
    if (connection === 'failed') {
      if (this.liveSinceMs > 0) void this.restart(attempt, 'connection failed')
      else this.rejoin('connection failed')
    }
    if (connection === 'closed') this.rejoin('closed by the server', CLOSED_BY_SERVER_WAIT_MS)
    if (connection === 'disconnected') {
      this.patienceTimer = setTimeout(() => void this.restart(attempt, 'connection lost'), DISCONNECTED_PATIENCE_MS)
    }
  }

  private onConnected(attempt: Attempt): void {
    clearTimeout(this.deadlineTimer)
    attempt.restarting = false
    this.attemptsInARow = 0
    this.mayTakeOver = true
    if (this.liveSinceMs === 0) this.liveSinceMs = this.nowMs()
    this.state.set({ name: 'live' })
  }

  /** RFC 9725 section 4.3.3. The session and its recording go on; only the path is looked for again. */
  private async restart(attempt: Attempt, why: string): Promise<void> {
    if (attempt !== this.attempt || attempt.restarting || !attempt.exchanged) return
    attempt.restarting = true
    this.state.set({ name: 'reconnecting', attempt: 1 }, why)
    clearTimeout(this.deadlineTimer)
    this.deadlineTimer = setTimeout(() => this.rejoin('restart took too long'), RESTART_TIMEOUT_MS)
    try {
      const offer = await attempt.peer.createOffer({ iceRestart: true })
      await attempt.peer.setLocalDescription(offer)
      const { location, answer } = attempt.exchanged
      const fragment = await patchRestart(location, restartFragment(offer.sdp ?? ''), this.exchangeOptions(attempt))
      if (attempt !== this.attempt) return
      const renewed = answerAfterRestart(answer, fragment)
      await attempt.peer.setRemoteDescription({ type: 'answer', sdp: renewed })
      attempt.exchanged = { ...attempt.exchanged, answer: renewed }
      // A path that never broke (only a second network came up) makes no "connected" event.
      if (attempt.peer.connectionState === 'connected') this.onConnected(attempt)
    } catch (error) {
      if (attempt === this.attempt) this.rejoin(error instanceof Error ? error.message : 'restart failed')
    }
  }

  private onConnectError(error: unknown): void {
    if (!(error instanceof ExchangeRefused)) return this.rejoin(error instanceof Error ? error.message : 'no answer')
    if (error.status === 401 || error.status === 403) return this.fail('key_refused', error)
    if (error.status === 404) return this.fail('unknown_room', error)
    if (error.status === 409) return this.fail('already_live', error)
    if (error.status === 400 || error.status === 406 || error.status === 415) return this.fail('cannot_serve', error)
    this.rejoin(error.code, error.retryAfterMs)
  }

  private rejoin(why: string, atLeastMs: number | null = null): void {
    // No DELETE: it would end the stream. The next POST takes the place of the session that we have there.
    if (this.attempt?.exchanged) this.mayTakeOver = true
    this.dropAttempt()
    const attempt = Math.max(1, this.attemptsInARow)
    this.state.set({ name: this.liveSinceMs > 0 ? 'reconnecting' : 'connecting', attempt }, why)
    const retryInMs = Math.max(atLeastMs ?? 0, backoffMs(attempt, this.options.random))
    this.retryTimer = setTimeout(() => void this.connect(), retryInMs)
  }

  private fail(reason: PublisherFailure, error: ExchangeRefused): void {
    this.dropAttempt()
    this.state.set({ name: 'failed', reason, detail: error.message }, error.code)
  }

  private dropAttempt(): void {
    clearTimeout(this.retryTimer)
    clearTimeout(this.deadlineTimer)
    clearTimeout(this.patienceTimer)
    clearInterval(this.statsTimer)
    const attempt = this.attempt
    this.attempt = null
    if (!attempt) return
    attempt.abort.abort()
    attempt.peer.onconnectionstatechange = null
    attempt.peer.close()
  }

  private exchangeOptions(attempt: Attempt) {
    return { fetch: this.fetch, bearer: this.options.key, signal: attempt.abort.signal }
  }

  private async readStats(attempt: Attempt): Promise<void> {
    const counters = publishCounters(entriesOf(await attempt.peer.getStats()), this.nowMs())
    if (attempt !== this.attempt) return
    const before = attempt.counters
    attempt.counters = counters
    if (!before || !this.state.is('live')) return
    const stats = publishStats(before, counters)
    this.options.onStats?.(stats, judgeQuality(stats, this.nowMs() - this.liveSinceMs))
  }
}

function encodingsOf(track: MediaStreamTrack): RTCRtpEncodingParameters[] {
  const { width, height } = { ...USUAL_SIZE, ...track.getSettings() }
  return encodingsFor(width, height)
}

function sendableVideoCodecs(): RTCRtpCodec[] {
  return RTCRtpSender.getCapabilities('video')?.codecs ?? []
}
