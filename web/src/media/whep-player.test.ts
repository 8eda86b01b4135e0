// How a viewer's player starts, waits, mends itself and leaves.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeMediaNode, FakeStream, FakeTrack, FakeVideo, PeerFactory, problem } from './fakes'
import { type PlayerState, WhepPlayer } from './whep-player'

const URL = 'http://media.test/whep/juzi'

function makePlayer() {
  const node = new FakeMediaNode()
  const peers = new PeerFactory()
  const video = new FakeVideo()
  const states: PlayerState[] = []
  const edges: string[] = []
  const soundRefused = vi.fn()
  const player = new WhepPlayer({
    url: URL,
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
    onState: (state) => states.push(state),
    onSoundRefused: soundRefused,
    logEdge: (_machine, from, to) => edges.push(`${from}>${to}`),
  })
  return { node, peers, video, states, edges, player, soundRefused }
}

async function playing() {
  const all = makePlayer()
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
