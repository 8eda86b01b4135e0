// How a viewer's player starts, waits, mends itself and leaves.
// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeEvents, FakeMediaNode, FakeStream, FakeTrack, FakeVideo, PeerFactory, problem } from './fakes'
import { type PlayerNews, type PlayerState, WhepPlayer } from './whep-player'

const URL = 'http://media.test/whep/juzi'

function makePlayer(pass: string | null = null) {
  const shown = { pass }
  const node = new FakeMediaNode()
  const peers = new PeerFactory()
  const video = new FakeVideo()
  const states: PlayerState[] = []
  const edges: string[] = []
  const soundRefused = vi.fn()
  const tapNeeded = vi.fn<(needed: boolean) => void>()
  const events: FakeEvents[] = []
  const news: PlayerNews[] = []
  const player = new WhepPlayer({
    url: URL,
    pass: () => shown.pass,
    video: video as unknown as HTMLVideoElement,
    fetch: node.fetch,
    createPeer: peers.create,
    createStream: () => new FakeStream() as unknown as MediaStream,
    nowMs: () => Date.now(),
    random: () => 0,
    videoCodecs: () => [
      { mimeType: 'video/VP9', clockRate: 90000 },
      { mimeType: 'video/VP8', clockRate: 90000 },
      { mimeType: 'video/H264', clockRate: 90000, sdpFmtpLine: 'packetization-mode=1;profile-level-id=42e01f' },
    ],
    createEvents: (url) => {
      events.push(new FakeEvents(url))
      return events.at(-1) as unknown as EventSource
    },
    onState: (state) => states.push(state),
    onNews: (next) => news.push(next),
    onSoundRefused: soundRefused,
    onTapNeeded: tapNeeded,
    logEdge: (_machine, from, to) => edges.push(`${from}>${to}`),
  })
  return { node, peers, video, states, edges, player, soundRefused, tapNeeded, events, news, shown }
}

const LAYERS = { 0: [{ rid: 'h', bitrate: 1_800_000, selected: true }, { rid: 'm', bitrate: 600_000 }] }
const FLOWING = [{ type: 'inbound-rtp', kind: 'video', bytesReceived: 5_000, packetsReceived: 5, framesDecoded: 3 }]

async function playing({ hasExtensions = false, pass = null as string | null } = {}) {
  const all = makePlayer(pass)
  all.node.hasExtensions = hasExtensions
  all.player.start()
  await vi.advanceTimersByTimeAsync(40)
  all.peers.last.ontrack?.({ track: new FakeTrack('video') })
  all.video.showFrame()
  return all
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('starting', () => {
  test('offers to receive H.264 before VP8 and nothing else', async () => {
    const { peers, player, node } = makePlayer()

    player.start()
    await vi.advanceTimersByTimeAsync(0)

    const [video, audio] = peers.last.transceivers
    expect(video?.codecs.map((codec) => codec.mimeType)).toEqual(['video/H264', 'video/VP8'])
    expect([video?.init.direction, audio?.init.direction]).toEqual(['recvonly', 'recvonly'])
    expect(node.asked[0]).toMatchObject({ method: 'POST', url: URL, headers: { 'Content-Type': 'application/sdp' } })
  })

  test('is playing from the first shown frame, and says how long that took', async () => {
    const { player, peers } = await playing()

    expect(player.current).toEqual({ name: 'playing', firstFrameMs: 40 })
    expect(peers.last.remote[0]).toContain('a=ice-ufrag:server1')
  })

  test('asks again after Retry-After while nobody publishes', async () => {
    const { node, player, edges } = makePlayer()
    node.next.push(problem(409, 'not_live', { 'Retry-After': '3' }))

    player.start()
    await vi.advanceTimersByTimeAsync(2_900)
    const askedEarly = node.of('POST').length
    await vi.advanceTimersByTimeAsync(200)

    expect(askedEarly).toBe(1)
    expect(node.of('POST')).toHaveLength(2)
    expect(edges).toEqual(['idle>connecting', 'connecting>waiting', 'waiting>connecting'])
  })

  test('asks at once when told that the stream has begun', async () => {
    const { node, player } = makePlayer()
    node.next.push(problem(409, 'not_live', { 'Retry-After': '30' }))
    player.start()
    await vi.advanceTimersByTimeAsync(0)

    player.retryNow()
    await vi.advanceTimersByTimeAsync(0)

    expect(node.of('POST')).toHaveLength(2)
  })

  test('a try that is on its way when the network comes back goes on, as the first of its row', async () => {
    const { node, player, states } = makePlayer()
    node.next.push(new Error('no network'), new Error('no network'))
    player.start()
    await vi.advanceTimersByTimeAsync(3_000)
    const onItsWay = player.current

    player.retryNow()
    const asked = node.of('POST').length
    await vi.advanceTimersByTimeAsync(10_000)

    expect([onItsWay, asked]).toEqual([{ name: 'connecting', attempt: 3 }, 3])
    expect(states.flatMap((state) => (state.name === 'reconnecting' ? [state.attempt] : []))).toEqual([1, 2, 1])
  })

  test('takes the way round over TURN when the straight one led nowhere', async () => {
    const { node, player, peers } = makePlayer()
    node.hasExtensions = true

    player.start()
    await vi.advanceTimersByTimeAsync(10_300)

    expect(peers.peers.map(({ iceServers }) => iceServers)).toEqual([[], [{ urls: 'turn:t.test', username: 'u', credential: 'p' }]])
  })

  test('gives up on a room that does not exist', async () => {
    const { node, player } = makePlayer()
    node.next.push(problem(404, 'unknown_room'))

    player.start()
    await vi.advanceTimersByTimeAsync(60_000)

    expect(player.current).toEqual({ name: 'failed', reason: 'unknown_room' })
    expect(node.of('POST')).toHaveLength(1)
  })

  test('waits longer from try to try while the network is away', async () => {
    const { node, player, states } = makePlayer()
    for (let i = 0; i < 4; i += 1) node.next.push(new TypeError('Failed to fetch'))

    player.start()
    await vi.advanceTimersByTimeAsync(3_800)

    const waits = states.flatMap((state) => (state.name === 'reconnecting' ? [state.retryInMs] : []))
    expect(waits).toEqual([250, 500, 1_000, 2_000])
  })
})

describe('while playing', () => {
  test('takes a new session when the connection fails, and ends the old one', async () => {
    const { peers, node, player } = await playing()

    peers.last.become('failed')
    await vi.advanceTimersByTimeAsync(300)

    expect(peers.peers[0]?.closed).toBe(true)
    expect(node.of('DELETE')[0]?.url).toBe('http://media.test/session/1')
    expect(node.of('POST')).toHaveLength(2)
    expect(player.current.name).toBe('connecting')
  })

  test('does nothing about a disconnection that heals by itself', async () => {
    const { peers, node } = await playing()

    peers.last.become('disconnected')
    await vi.advanceTimersByTimeAsync(1_000)
    peers.last.become('connected')
    await vi.advanceTimersByTimeAsync(3_000)

    expect(node.of('POST')).toHaveLength(1)
  })

  test('asks the server again after five seconds without a packet', async () => {
    const { peers, player, edges } = await playing()
    peers.last.stats = [{ type: 'inbound-rtp', kind: 'video', bytesReceived: 5_000, packetsReceived: 5, framesDecoded: 3 }]

    await vi.advanceTimersByTimeAsync(7_300)

    expect(edges).toContain('playing>reconnecting')
    expect(player.current.name).toBe('connecting')
  })

  test('keeps its session through a silence that the room knows about', async () => {
    const { peers, player, node } = await playing()
    peers.last.stats = [{ type: 'inbound-rtp', kind: 'video', bytesReceived: 5_000, packetsReceived: 5, framesDecoded: 3 }]

    player.expectPicture(false)
    await vi.advanceTimersByTimeAsync(60_000)
    player.expectPicture(true)
    await vi.advanceTimersByTimeAsync(4_000)

    expect(player.current.name).toBe('playing')
    expect(node.of('POST')).toHaveLength(1)
  })

  test('plays on muted when the browser wants a tap before sound', async () => {
    const { player, video, soundRefused } = await playing()
    video.refuseSound = true

    await player.setMuted(false)

    expect(video.muted).toBe(true)
    expect(soundRefused).toHaveBeenCalledOnce()
  })

  test('asks for a tap when the browser plays nothing without one, keeps the line meanwhile, and plays from the tap', async () => {
    const { player, video, node, peers, tapNeeded } = makePlayer()
    video.refuseAll = true
    player.start()
    await vi.advanceTimersByTimeAsync(40)
    peers.last.ontrack?.({ track: new FakeTrack('video') })
    peers.last.stats = [{ type: 'inbound-rtp', kind: 'video', bytesReceived: 5_000, packetsReceived: 5, framesDecoded: 0 }]
    await vi.advanceTimersByTimeAsync(2_000)
    const whileRefused = [player.current.name, [...tapNeeded.mock.calls], node.of('POST').length]

    video.refuseAll = false
    document.dispatchEvent(new Event('pointerup'))
    await vi.advanceTimersByTimeAsync(0)

    expect(whileRefused).toEqual(['playing', [[true]], 1])
    expect([video.paused, video.plays, tapNeeded.mock.calls]).toEqual([false, 1, [[true], [false]]])
  })

  test('goes on after a call that stopped the picture', async () => {
    const { video, player } = await playing()
    video.paused = true

    document.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(0)
    const resumed = !video.paused
    video.paused = true
    player.destroy()
    document.dispatchEvent(new Event('pointerup'))

    expect([resumed, video.paused]).toEqual([true, true])
  })
})

describe('a banned viewer', () => {
  test('shows the pass of the moment to the node each time, also at an address that the node names', async () => {
    const { player, node, events, peers, shown } = await playing({ hasExtensions: true, pass: 'r1.u1.1.mac' })

    shown.pass = 'r1.u1.2.mac'
    events[0]?.say('reconnect', { url: 'http://other.test/whep/juzi?x=1' })
    await vi.advanceTimersByTimeAsync(0)
    peers.last.become('failed')
    player.destroy()

    const asked = node.of('POST').map(({ url }) => url)
    expect(asked[0]).toBe(`${URL}?pass=r1.u1.1.mac`)
    expect(asked).toContain('http://other.test/whep/juzi?x=1&pass=r1.u1.2.mac')
  })

  test.each(['told by the node', 'refused by it'])('is %s and does not come back by himself', async (how) => {
    const { player, node, events, peers } = await playing({ hasExtensions: true, pass: 'r1.u1.1.mac' })
    const before = node.of('POST').length
    node.next.push(problem(403, 'banned'))

    if (how === 'told by the node') events[0]?.say('banned')
    else peers.last.become('failed')
    await vi.advanceTimersByTimeAsync(60_000)

    expect(player.current).toEqual({ name: 'failed', reason: 'banned' })
    expect(node.of('POST').length - before).toBe(how === 'told by the node' ? 0 : 1)
  })
})

describe('choosing', () => {
  test('asks the node for what the viewer wants, also of the next session', async () => {
    const { player, node, events, peers } = await playing({ hasExtensions: true })
    events[0]?.say('layers', LAYERS)

    player.choose('smooth')
    player.choose('smooth')
    await vi.advanceTimersByTimeAsync(0)
    peers.last.become('failed')
    await vi.advanceTimersByTimeAsync(300)

    expect(node.askedOf('layer')).toEqual([
      ['/session/1/layer', { rid: 'm' }],
      ['/session/2/layer', { rid: 'm' }],
    ])
  })

  test('a size is asked for as soon as the node has named the layers', async () => {
    const { player, node, events } = await playing({ hasExtensions: true })

    player.choose('high')
    await vi.advanceTimersByTimeAsync(0)
    const askedEarly = node.askedOf('layer').length
    events[0]?.say('layers', LAYERS)
    await vi.advanceTimersByTimeAsync(0)

    expect(askedEarly).toBe(0)
    expect(node.askedOf('layer')).toEqual([['/session/1/layer', { rid: 'h' }]])
  })

  test('what was chosen stays while the host is away', async () => {
    const { player, node, events, news } = await playing({ hasExtensions: true })
    events[0]?.say('layers', LAYERS)
    player.choose('high')

    events[0]?.say('inactive')
    events[0]?.say('layers', { 0: [] })
    await vi.advanceTimersByTimeAsync(0)

    expect(news.at(-1)).toMatchObject({ active: false, layers: [{ rid: 'h' }, { rid: 'm' }] })
    expect(node.askedOf('layer')).toEqual([['/session/1/layer', { rid: 'h' }]])
  })

  test('a wish that got lost is sent again, one that was refused is not', async () => {
    const { player, node, peers } = await playing({ hasExtensions: true })
    peers.last.stats = FLOWING
    node.next.push(new TypeError('Failed to fetch'), problem(400, 'bad_request'))

    player.choose('slides')
    await vi.advanceTimersByTimeAsync(20_000)

    expect(node.askedOf('layer')).toHaveLength(2)
  })

  test('who only listens is playing as soon as sound comes', async () => {
    const { player, node, peers } = makePlayer()
    node.hasExtensions = true
    player.choose('audio')
    player.start()
    await vi.advanceTimersByTimeAsync(0)
    peers.last.ontrack?.({ track: new FakeTrack('audio') })
    peers.last.stats = [{ type: 'inbound-rtp', kind: 'audio', bytesReceived: 900, packetsReceived: 9 }]

    await vi.advanceTimersByTimeAsync(1_100)

    expect(node.askedOf('layer')).toEqual([['/session/1/layer', { mode: 'audio' }]])
    expect(player.current.name).toBe('playing')
  })

  test('nothing is asked of a node that does not offer it', async () => {
    const { player, node, events, news } = await playing()

    player.choose('audio')
    await vi.advanceTimersByTimeAsync(3_000)

    expect(node.asked.map(({ method }) => method)).toEqual(['POST'])
    expect(events).toHaveLength(0)
    expect(news.at(-1)?.canChoose).toBe(false)
  })
})

describe('what the node tells', () => {
  test('is heard: its layers, and that the publisher is away and back', async () => {
    const { node, events, news } = await playing({ hasExtensions: true })

    for (const [name, data] of [['layers', LAYERS], ['inactive', {}], ['active', {}], ['viewercount', { viewercount: 3 }]] as const) events[0]?.say(name, data)

    expect(node.askedOf('sse')).toEqual([['/session/1/sse', ['active', 'banned', 'inactive', 'layers', 'reconnect']]])
    expect(events[0]?.url).toBe('http://media.test/session/1/sse/1')
    expect(news.map(({ active, layers }) => [active, layers.length])).toEqual([[true, 0], [true, 2], [false, 2], [true, 2]])
  })

  test('packets that come again say that the publisher is back, should the event be lost', async () => {
    const { events, news, peers } = await playing({ hasExtensions: true })
    peers.last.stats = FLOWING
    events[0]?.say('inactive')

    await vi.advanceTimersByTimeAsync(20_000)
    const stillAway = news.at(-1)?.active
    peers.last.stats = [{ ...FLOWING[0], bytesReceived: 9_000 }]
    await vi.advanceTimersByTimeAsync(1_000)

    expect(stillAway).toBe(false)
    expect(news.at(-1)?.active).toBe(true)
  })

  test('an event stream that broke for good is opened anew', async () => {
    const { events, peers } = await playing({ hasExtensions: true })
    peers.last.stats = FLOWING

    events[0]?.close()
    await vi.advanceTimersByTimeAsync(1_100)

    expect(events).toHaveLength(2)
  })
})

describe('when the node asks its viewers to move', () => {
  const ELSEWHERE = 'http://other.test/whep/juzi'

  test('the old picture stays until the new session has one', async () => {
    const { events, node, peers, video, player, edges } = await playing({ hasExtensions: true })
    const screen = video.srcObject as unknown as FakeStream
    const before = screen.getTracks()

    events[0]?.say('reconnect', { url: ELSEWHERE })
    await vi.advanceTimersByTimeAsync(1_000)
    peers.last.ontrack?.({ track: new FakeTrack('video', 'moved') })
    await vi.advanceTimersByTimeAsync(300)
    const meanwhile = [screen.getTracks(), peers.peers[0]?.closed]
    peers.last.stats = FLOWING
    await vi.advanceTimersByTimeAsync(200)

    expect(meanwhile).toEqual([before, false])
    expect(node.of('POST').map(({ url }) => url)).toContain(ELSEWHERE)
    expect(video.srcObject).toBe(screen)
    expect(screen.getTracks().map(({ id }) => id)).toEqual(['moved'])
    expect(node.of('DELETE').map(({ url }) => url)).toEqual(['http://media.test/session/1'])
    expect(peers.peers.map(({ closed }) => closed)).toEqual([true, false])
    expect(player.current.name).toBe('playing')
    expect(edges).toEqual(['idle>connecting', 'connecting>playing'])
  })

  test('it is tried again while the others are full, and the old session plays on', async () => {
    const { events, node, peers, player } = await playing({ hasExtensions: true })
    node.next.push(problem(503, 'full', { 'Retry-After': '2' }))

    events[0]?.say('reconnect', {})
    await vi.advanceTimersByTimeAsync(1_900)
    const early = peers.peers.length
    await vi.advanceTimersByTimeAsync(200)

    expect(early).toBe(2)
    expect(peers.peers).toHaveLength(3)
    expect(peers.peers.map(({ closed }) => closed)).toEqual([false, true, false])
    expect(player.current.name).toBe('playing')
  })

  test('leaving ends both sessions', async () => {
    const { events, node, peers, player } = await playing({ hasExtensions: true })
    events[0]?.say('reconnect', {})
    await vi.advanceTimersByTimeAsync(0)

    player.destroy()
    await vi.advanceTimersByTimeAsync(30_000)

    expect(node.of('DELETE')).toHaveLength(2)
    expect(peers.peers.map(({ closed }) => closed)).toEqual([true, true])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('leaving', () => {
  test('says goodbye, closes the peer and stays silent', async () => {
    const { player, peers, node, video, states } = await playing()

    player.destroy()
    await vi.advanceTimersByTimeAsync(30_000)

    expect(node.of('DELETE')).toHaveLength(1)
    expect(peers.last.closed).toBe(true)
    expect(video.srcObject).toBeNull()
    expect(states.at(-1)).toEqual({ name: 'closed' })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('ends a session whose answer comes after the viewer has left', async () => {
    const { player, node } = makePlayer()
    player.start()

    player.destroy()
    await vi.advanceTimersByTimeAsync(10)

    expect(node.of('DELETE').length).toBe(node.of('POST').length)
    expect(vi.getTimerCount()).toBe(0)
  })
})
