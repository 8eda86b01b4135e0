// How a host's publisher goes live, survives a change of network and ends.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeMediaNode, type FakePeer, FakeStream, FakeTrack, PeerFactory, problem } from './fakes'
import { type PublisherState, WhipPublisher } from './whip-publisher'

const URL = 'http://media.test/whip/juzi'

function makePublisher() {
  const node = new FakeMediaNode()
  const peers = new PeerFactory()
  const states: PublisherState[] = []
  const publisher = new WhipPublisher({
    url: URL,
    key: 'sk_secret',
    fetch: node.fetch,
    createPeer: peers.create,
    nowMs: () => Date.now(),
    random: () => 0,
    videoCodecs: () => [
      { mimeType: 'video/VP8', clockRate: 90000 },
      { mimeType: 'video/rtx', clockRate: 90000 },
      { mimeType: 'video/H264', clockRate: 90000, sdpFmtpLine: 'packetization-mode=1;profile-level-id=42e01f' },
    ],
    onState: (state) => states.push(state),
    logEdge: () => undefined,
  })
  const camera = new FakeTrack('video')
  const stream = new FakeStream([camera, new FakeTrack('audio')]) as unknown as MediaStream
  return { node, peers, states, publisher, stream, camera }
}

async function live() {
  const all = makePublisher()
  all.publisher.start(all.stream)
  await vi.advanceTimersByTimeAsync(0)
  all.peers.last.become('connected')
  return all
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('going live', () => {
  test('sends picture and sound with the key, H.264 first', async () => {
    const { publisher, node, peers } = await live()

    const video = peers.last.transceivers.find((each) => each.kind === 'video')
    expect(video?.codecs.map((codec) => codec.mimeType)).toEqual(['video/H264', 'video/VP8', 'video/rtx'])
    expect(peers.last.transceivers.map((each) => each.init.direction)).toEqual(['sendonly', 'sendonly'])
    expect(node.asked[0]).toMatchObject({ method: 'POST', url: URL, headers: { Authorization: 'Bearer sk_secret' } })
    expect(publisher.current).toEqual({ name: 'live' })
  })

  test('sends a 720p camera in three sizes and a small one in fewer', async () => {
    const { peers } = await live()
    const small = makePublisher()
    small.camera.settings = { width: 640, height: 480 }
    small.publisher.start(small.stream)
    await vi.advanceTimersByTimeAsync(0)

    const rids = (peer: FakePeer) => peer.transceivers[0]?.init.sendEncodings?.map(({ rid }) => rid)
    expect(rids(peers.last)).toEqual(['h', 'm', 'l'])
    expect(rids(small.peers.last)).toEqual(['h', 'm'])
    small.publisher.destroy()
  })

  test.each([
    [403, 'key_wrong', 'key_refused'],
    [404, 'unknown_room', 'unknown_room'],
    [409, 'already_live', 'already_live'],
    [406, 'cannot_serve', 'cannot_serve'],
  ])('a refusal %i %s is told and not repeated', async (status, code, reason) => {
    const { publisher, node, stream } = makePublisher()
    node.next.push(problem(status, code))

    publisher.start(stream)
    await vi.advanceTimersByTimeAsync(30_000)

    expect(publisher.current).toMatchObject({ name: 'failed', reason })
    expect(node.of('POST')).toHaveLength(1)
  })

  test('replaces the other device only when the host says so', async () => {
    const { publisher, node, stream } = makePublisher()
    node.next.push(problem(409, 'already_live'))
    publisher.start(stream)
    await vi.advanceTimersByTimeAsync(0)

    publisher.start(stream, { takeOver: true })
    await vi.advanceTimersByTimeAsync(0)

    expect(node.of('POST').map((each) => each.url)).toEqual([URL, `${URL}?takeover=1`])
  })

  test('tries again without taking over when the first offer never arrived', async () => {
    const { publisher, node, stream } = makePublisher()
    node.next.push(new TypeError('Failed to fetch'))

    publisher.start(stream)
    await vi.advanceTimersByTimeAsync(300)

    expect(node.of('POST').map((each) => each.url)).toEqual([URL, URL])
  })
})

describe('when the network changes', () => {
  test('restarts ICE in the same session', async () => {
    const { publisher, node, peers, states } = await live()

    publisher.networkChanged()
    await vi.advanceTimersByTimeAsync(0)

    const patch = node.of('PATCH')[0]
    expect(patch?.url).toBe('http://media.test/session/1')
    expect(patch?.headers).toMatchObject({ 'If-Match': '"*"', 'Content-Type': 'application/trickle-ice-sdpfrag' })
    expect(patch?.body).toContain('a=ice-ufrag:local1')
    expect(peers.last.remote.at(-1)).toContain('a=ice-ufrag:fresh')
    expect(states.map((state) => state.name)).toEqual(['connecting', 'live', 'reconnecting', 'live'])
    expect(peers.peers).toHaveLength(1)
  })

  test('takes over its own session when the restart is refused', async () => {
    const { publisher, node, peers } = await live()
    node.next.push(problem(404, 'not_found'))

    peers.last.become('failed')
    await vi.advanceTimersByTimeAsync(300)
    peers.last.become('connected')

    expect(node.of('POST').at(-1)?.url).toBe(`${URL}?takeover=1`)
    expect(node.of('DELETE')).toHaveLength(0)
    expect(publisher.current).toEqual({ name: 'live' })
  })

  test('rejoins when the restarted path stays dead', async () => {
    const { node, peers } = await live()

    peers.last.become('disconnected')
    await vi.advanceTimersByTimeAsync(2_000 + 5_000 + 300)

    expect(node.of('PATCH')).toHaveLength(1)
    expect(node.of('POST').at(-1)?.url).toBe(`${URL}?takeover=1`)
  })

  test('looks for a way round over TURN when its own one stays dead', async () => {
    const all = makePublisher()
    all.node.hasExtensions = true
    all.publisher.start(all.stream)
    await vi.advanceTimersByTimeAsync(0)
    all.peers.last.become('connected')

    all.peers.last.become('disconnected')
    await vi.advanceTimersByTimeAsync(2_000 + 5_000 + 300)

    expect(all.peers.peers.map(({ iceServers }) => iceServers.length)).toEqual([0, 1])
    all.publisher.destroy()
  })

  test('keeps trying while the phone has no network at all', async () => {
    const { node, peers, publisher } = await live()
    for (let i = 0; i < 4; i += 1) node.next.push(new TypeError('Failed to fetch'))

    peers.last.become('failed')
    await vi.advanceTimersByTimeAsync(10_000)
    peers.last.become('connected')

    expect(publisher.current).toEqual({ name: 'live' })
  })
})

describe('when the stream is ended elsewhere', () => {
  test('a connection closed by the server is not joined again at once', async () => {
    const { peers, node, publisher } = await live()

    peers.last.become('closed')
    await vi.advanceTimersByTimeAsync(2_900)
    publisher.destroy()
    await vi.advanceTimersByTimeAsync(10_000)

    expect(node.of('POST')).toHaveLength(1)
  })

  test('nothing is mended while the end is being asked for, and everything again when that fails', async () => {
    const { peers, node, publisher } = await live()

    publisher.allowMending(false)
    peers.last.become('closed')
    await vi.advanceTimersByTimeAsync(10_000)
    const joinedMeanwhile = node.of('POST').length
    publisher.allowMending(true)
    await vi.advanceTimersByTimeAsync(600)

    expect(joinedMeanwhile).toBe(1)
    expect(node.of('POST')).toHaveLength(2)
  })
})

test('the back camera replaces the front camera without a new session', async () => {
  const { publisher, node, peers } = await live()
  const back = new FakeTrack('video', 'back')

  await publisher.replaceTrack(back as unknown as MediaStreamTrack)

  expect(peers.last.getSenders().map((sender) => sender.track?.id)).toContain('back')
  expect(node.of('POST')).toHaveLength(1)
})

describe('leaving', () => {
  test('ending deletes the session once and closes the peer', async () => {
    const { publisher, node, peers, states } = await live()

    await publisher.stop()
    await publisher.stop()

    expect(node.of('DELETE')).toHaveLength(1)
    expect(node.of('DELETE')[0]?.headers['Authorization']).toBe('Bearer sk_secret')
    expect(peers.last.closed).toBe(true)
    expect(states.slice(-2).map((state) => state.name)).toEqual(['ending', 'ended'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('closing the page does not end the stream', async () => {
    const { publisher, node, peers } = await live()

    publisher.destroy()

    expect(node.of('DELETE')).toHaveLength(0)
    expect(peers.last.closed).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })
})
