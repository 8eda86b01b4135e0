// One WHEP session: its peer connection, what it is asked to show, and the events that the media node tells about it.

import { createPeer, type CreatePeer, deleteSession, ExchangeRefused, type Exchanged, type Fetch, postExtension, postOffer } from './exchange'
import { iceServersOf, linkOf } from './links'
import type { LayerRequest } from './picture-choice'
import { entriesOf, type PlayCounters, playCounters } from './play-stats'
import { liveVideoCodecs } from './sdp'

const LAYER_EXTENSION = 'urn:ietf:params:whep:ext:core:layer'
const EVENTS_EXTENSION = 'urn:ietf:params:whep:ext:core:server-sent-events'
const HEARD_EVENTS = ['active', 'banned', 'inactive', 'layers', 'reconnect'] as const
/** A wish or an event stream that got no answer is tried again after this. */
const AGAIN_MS = 2_000

export type SessionEvent = (typeof HEARD_EVENTS)[number]

/** What the session needs of an EventSource. */
export type EventStream = Pick<EventSource, 'addEventListener' | 'close' | 'readyState'>

export interface SessionOptions {
  readonly url: string
  readonly fetch: Fetch
  readonly nowMs: () => number
  readonly iceServers: RTCIceServer[]
  readonly createPeer?: CreatePeer | undefined
  readonly createEvents?: ((url: string) => EventStream) | undefined
  readonly videoCodecs?: (() => RTCRtpCodec[]) | undefined
  readonly onTrack: (track: MediaStreamTrack) => void
  readonly onConnection: (state: RTCPeerConnectionState) => void
  readonly onEvent: (event: SessionEvent, data: unknown) => void
}

/** Where asking again stands: the question that was answered, whether one is on its way, when the next may go. */
interface Asking {
  answered: string
  busy: boolean
  notBeforeMs: number
}

export class WhepSession {
  /** When the offer was sent (before that: when the session was made). */
  askedMs: number
  readonly tracks: MediaStreamTrack[] = []
  counters: PlayCounters | null = null
  lastPacketMs: number
  private readonly peer: RTCPeerConnection
  private readonly abort = new AbortController()
  private readonly wish: Asking = { answered: '{}', busy: false, notBeforeMs: 0 }
  private readonly hearing: Asking = { answered: '', busy: false, notBeforeMs: 0 }
  private exchanged: Exchanged | null = null
  private events: EventStream | null = null

  constructor(private readonly options: SessionOptions) {
    this.askedMs = this.lastPacketMs = options.nowMs()
    this.peer = (options.createPeer ?? createPeer)(options.iceServers)
    const video = this.peer.addTransceiver('video', { direction: 'recvonly' })
    const codecs = liveVideoCodecs((options.videoCodecs ?? receivableVideoCodecs)())
    if (codecs.length > 0) video.setCodecPreferences(codecs)
    this.peer.addTransceiver('audio', { direction: 'recvonly' })
    this.peer.ontrack = ({ track }) => {
      this.tracks.push(track)
      options.onTrack(track)
    }
    this.peer.onconnectionstatechange = () => options.onConnection(this.peer.connectionState)
  }

  get isLeft(): boolean {
    return this.abort.signal.aborted
  }

  /** Whether the media node lets its viewers choose. */
  get canChoose(): boolean {
    return this.layerUrl !== null
  }

  /** What the media node has named for a way round, if this one does not lead anywhere. */
  get iceServers(): RTCIceServer[] {
    return this.exchanged ? iceServersOf(this.exchanged.links) : []
  }

  /** Throws what exchange.ts throws. */
  async open(): Promise<void> {
    const offer = await this.peer.createOffer()
    await this.peer.setLocalDescription(offer)
    this.askedMs = this.options.nowMs()
    const exchanged = await postOffer(this.options.url, this.peer.localDescription?.sdp ?? offer.sdp ?? '', this.exchangeOptions)
    if (this.isLeft) return void deleteSession(exchanged.location, this.exchangeOptions)
    this.exchanged = exchanged
    await this.peer.setRemoteDescription({ type: 'answer', sdp: exchanged.answer })
  }

  /** Asks for what the viewer wants to see, unless that is what was asked last; a lost question is asked again by the next call. */
  async ask(request: LayerRequest): Promise<void> {
    const url = this.layerUrl
    const question = JSON.stringify(request)
    if (!url || question === this.wish.answered) return
    await this.once(this.wish, question, async () => {
      await postExtension(url, request, this.exchangeOptions)
    })
  }

  /** Opens the event stream, or another one when it has broken for good; does nothing while one is open. */
  async listen(): Promise<void> {
    const url = this.exchanged && linkOf(this.exchanged.links, EVENTS_EXTENSION)
    if (this.events?.readyState === 2) this.hearing.answered = ''
    if (!url || this.hearing.answered) return
    await this.once(this.hearing, url, async () => {
      const stream = await postExtension(url, HEARD_EVENTS, this.exchangeOptions)
      if (stream && !this.isLeft) this.hear(stream)
    })
  }

  /** The counters of now, remembered; null if the session was left meanwhile. */
  async count(): Promise<PlayCounters | null> {
    const counters = playCounters(entriesOf(await this.peer.getStats()), this.options.nowMs())
    if (this.isLeft) return null
    if (counters.bytes > (this.counters?.bytes ?? 0)) this.lastPacketMs = counters.atMs
    this.counters = counters
    return counters
  }

  /** Says goodbye to the server. Nothing is told to anybody afterwards. */
  leave(): void {
    if (this.isLeft) return
    this.abort.abort()
    this.events?.close()
    this.peer.ontrack = null
    this.peer.onconnectionstatechange = null
    if (!this.exchanged) return this.peer.close()
    // Goodbye first: a closed peer ends the session over there, and the DELETE would find nothing.
    void deleteSession(this.exchanged.location, this.exchangeOptions).finally(() => this.peer.close())
  }

  private get layerUrl(): string | null {
    return this.exchanged && linkOf(this.exchanged.links, LAYER_EXTENSION)
  }

  private get exchangeOptions() {
    return { fetch: this.options.fetch, signal: this.abort.signal }
  }

  private hear(url: string): void {
    this.events?.close()
    const events = (this.options.createEvents ?? ((address) => new EventSource(address)))(url)
    this.events = events
    for (const name of HEARD_EVENTS) {
      events.addEventListener(name, (message) => {
        if (!this.isLeft && events === this.events) this.options.onEvent(name, dataOf(message))
      })
    }
  }

  /** A refusal is an answer, too: what the server doesn't want isn't asked a second time. */
  private async once(asking: Asking, question: string, ask: () => Promise<void>): Promise<void> {
    if (asking.busy || this.options.nowMs() < asking.notBeforeMs) return
    asking.busy = true
    try {
      await ask()
      asking.answered = question
    } catch (error) {
      if (error instanceof ExchangeRefused && error.status < 500 && error.status !== 429) asking.answered = question
      else asking.notBeforeMs = this.options.nowMs() + AGAIN_MS
    } finally {
      asking.busy = false
    }
  }
}

function dataOf(message: Event): unknown {
  try {
    return message instanceof MessageEvent && typeof message.data === 'string' ? (JSON.parse(message.data) as unknown) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function receivableVideoCodecs(): RTCRtpCodec[] {
  return RTCRtpReceiver.getCapabilities('video')?.codecs ?? []
}
