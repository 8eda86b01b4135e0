// Stand-ins for the browser's peer connection, video element and media node, driven by the tests.

import type { Fetch } from './exchange'

export class FakeTrack {
  stopped = false
  readyState = 'live'
  settings: MediaTrackSettings = {}
  constructor(
    readonly kind: 'audio' | 'video',
    readonly id = `${kind}-track`,
  ) {}
  getSettings = () => this.settings
  stop(): void {
    this.stopped = true
  }
}

export class FakeStream {
  constructor(private tracks: FakeTrack[] = []) {}
  getTracks = () => [...this.tracks]
  getVideoTracks = () => this.tracks.filter((track) => track.kind === 'video')
  addTrack = (track: FakeTrack) => void this.tracks.push(track)
  removeTrack = (track: FakeTrack) => void (this.tracks = this.tracks.filter((each) => each !== track))
}

class FakeSender {
  constructor(public track: FakeTrack | null) {}
  replaceTrack = async (track: FakeTrack) => void (this.track = track)
}

class FakeTransceiver {
  codecs: RTCRtpCodec[] = []
  readonly sender: FakeSender
  constructor(
    readonly kind: string,
    readonly init: RTCRtpTransceiverInit,
    track: FakeTrack | null,
  ) {
    this.sender = new FakeSender(track)
  }
  setCodecPreferences = (codecs: RTCRtpCodec[]) => void (this.codecs = codecs)
}

export class FakePeer {
  constructor(readonly iceServers: RTCIceServer[] = []) {}
  readonly transceivers: FakeTransceiver[] = []
  connectionState: RTCPeerConnectionState = 'new'
  localDescription: { sdp: string } | null = null
  remote: string[] = []
  closed = false
  restarts = 0
  stats: Record<string, unknown>[] = []
  ontrack: ((event: { track: FakeTrack }) => void) | null = null
  onconnectionstatechange: (() => void) | null = null

  addTransceiver(what: string | FakeTrack, init: RTCRtpTransceiverInit): FakeTransceiver {
    const track = typeof what === 'string' ? null : what
    const transceiver = new FakeTransceiver(typeof what === 'string' ? what : what.kind, init, track)
    this.transceivers.push(transceiver)
    return transceiver
  }
  getSenders = () => this.transceivers.map((each) => each.sender)
  async createOffer(options?: { iceRestart?: boolean }): Promise<{ type: 'offer'; sdp: string }> {
    if (options?.iceRestart) this.restarts += 1
    return { type: 'offer', sdp: offerSdp(`local${this.restarts}`) }
  }
  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description
  }
  async setRemoteDescription(description: { sdp: string }): Promise<void> {
    this.remote.push(description.sdp)
  }
  async getStats(): Promise<Map<string, Record<string, unknown>>> {
    return new Map(this.stats.map((entry, index) => [String(index), entry]))
  }
  close(): void {
    this.closed = true
    this.connectionState = 'closed'
  }
  become(state: RTCPeerConnectionState): void {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }
}

function offerSdp(ufrag: string): string {
  return ['v=0', 'a=group:BUNDLE 0 1', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:0', `a=ice-ufrag:${ufrag}`, `a=ice-pwd:${ufrag}-secret`, '']
    .join('\r\n')
}

/** Collects the peers that a machine makes, newest last. */
export class PeerFactory {
  readonly peers: FakePeer[] = []
  readonly create = (iceServers: RTCIceServer[]): RTCPeerConnection => {
    const peer = new FakePeer(iceServers)
    this.peers.push(peer)
    return peer as unknown as RTCPeerConnection
  }
  get last(): FakePeer {
    const peer = this.peers.at(-1)
    if (!peer) throw new Error('no peer was made')
    return peer
  }
}

export class FakeVideo {
  srcObject: MediaStream | null = null
  muted = true
  plays = 0
  refuseSound = false
  /** A phone that saves its battery plays nothing before a tap. */
  refuseAll = false
  paused = true
  private frame: (() => void) | null = null
  play = async () => {
    if (this.refuseAll || (this.refuseSound && !this.muted)) throw new DOMException('tap first', 'NotAllowedError')
    this.paused = false
    this.plays += 1
  }
  requestVideoFrameCallback = (callback: VideoFrameRequestCallback): number => {
    this.frame = () => callback(0, {} as VideoFrameCallbackMetadata)
    return 1
  }
  cancelVideoFrameCallback = () => void (this.frame = null)
  showFrame(): void {
    const frame = this.frame
    this.frame = null
    frame?.()
  }
}

/** The media node's events, as an EventSource hears them. */
export class FakeEvents {
  readyState = 1
  private readonly listeners = new Map<string, (event: MessageEvent) => void>()
  constructor(readonly url: string) {}
  addEventListener = (name: string, listener: (event: MessageEvent) => void) => void this.listeners.set(name, listener)
  close = () => void (this.readyState = 2)
  say(name: string, data: unknown = {}): void {
    this.listeners.get(name)?.(new MessageEvent(name, { data: JSON.stringify(data) }))
  }
}

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string
}

/** Answers what `next` holds, first come first served, then 201; remembers what was asked. */
export class FakeMediaNode {
  readonly asked: Asked[] = []
  readonly next: (Response | Error)[] = []
  /** Whether it has the extensions of WHEP: layers and events. */
  hasExtensions = false
  private sessions = 0
  readonly fetch: Fetch = async (url, init) => {
    const headers = { ...(init.headers as Record<string, string>) }
    this.asked.push({ method: init.method ?? 'GET', url, headers, body: String(init.body ?? '') })
    if (init.method === 'DELETE') return new Response(null, { status: 200 })
    const scripted = this.next.shift()
    if (scripted instanceof Error) throw scripted
    if (scripted) return scripted
    if (init.method === 'PATCH') return new Response('a=ice-ufrag:fresh\r\na=ice-pwd:fresh-secret\r\n', { status: 200 })
    if (url.endsWith('/layer')) return new Response('', { status: 200 })
    if (url.endsWith('/sse')) return new Response('', { status: 201, headers: { Location: `${url}/1` } })
    this.sessions += 1
    const location = `/session/${this.sessions}`
    const link = (name: string, rel: string) => `<${location}/${name}>; rel="urn:ietf:params:whep:ext:core:${rel}"`
    const links = `<turn:t.test>; rel="ice-server"; username="u"; credential="p"; credential-type="password", ${link('layer', 'layer')}, ${link('sse', 'server-sent-events')}`
    const answerHeaders = { Location: location, ...(this.hasExtensions && { Link: links }) }
    return new Response(offerSdp(`server${this.sessions}`), { status: 201, headers: answerHeaders })
  }
  of(method: string): Asked[] {
    return this.asked.filter((each) => each.method === method)
  }
  /** What was asked of an extension, oldest first: where, and the body. */
  askedOf(extension: 'layer' | 'sse'): [string, unknown][] {
    const asked = this.asked.filter((each) => each.url.endsWith(`/${extension}`))
    return asked.map(({ url, body }) => [url.replace('http://media.test', ''), JSON.parse(body) as unknown])
  }
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ code, detail: `${code} happened` }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  })
}
