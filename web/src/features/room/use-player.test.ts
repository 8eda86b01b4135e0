// The room's player goes over to the steady line by itself, and comes back when the fast one works again.
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type EffectScope, effectScope, nextTick, shallowRef } from 'vue'
import { FakeMediaNode, type FakePeer, FakeStream, FakeTrack, PeerFactory } from '@/media/fakes'
import { type PlayerView, usePlayer } from './use-player'

let node: FakeMediaNode
let peers: PeerFactory
let scope: EffectScope
let video: HTMLVideoElement
let player: PlayerView

const refused = () => new Response('{"code": "unavailable"}', { status: 503 })

beforeEach(() => {
  setActivePinia(createPinia())
  vi.useFakeTimers()
  localStorage.clear()
  node = new FakeMediaNode()
  peers = new PeerFactory()
  vi.stubGlobal('fetch', node.fetch)
  vi.stubGlobal('MediaStream', FakeStream)
  vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => null })
  vi.stubGlobal('RTCPeerConnection', function Peer(options: RTCConfiguration) {
    return peers.create(options.iceServers ?? [])
  })
  vi.spyOn(HTMLMediaElement.prototype, 'srcObject', 'set').mockImplementation(() => undefined)
  vi.spyOn(HTMLMediaElement.prototype, 'play').mockResolvedValue()
  video = document.createElement('video')
  video.canPlayType = () => 'maybe' // no MSE here: the browser's own HLS
  scope = effectScope()
})
afterEach(() => {
  scope.stop()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

async function open(): Promise<void> {
  const made = scope.run(() => usePlayer(shallowRef(video), shallowRef('https://media.example/whep/orange'), { steadyUrl: shallowRef('/hls/orange/index.m3u8') }))
  if (!made) throw new Error('the scope is over')
  player = made
  await nextTick()
}

async function showPicture(peer: FakePeer): Promise<void> {
  peer.ontrack?.({ track: new FakeTrack('video') })
  peer.stats = [{ type: 'inbound-rtp', kind: 'video', bytesReceived: 1_000, packetsReceived: 9, framesDecoded: 3, frameWidth: 640, frameHeight: 360 }]
  await vi.advanceTimersByTimeAsync(1_100)
}

async function fallBack(): Promise<void> {
  node.next.push(refused(), refused())
  await open()
  await vi.advanceTimersByTimeAsync(1_000)
  await vi.dynamicImportSettled()
  video.dispatchEvent(new Event('playing'))
}

test('two refusals, and it plays over the steady line', async () => {
  await fallBack()
  expect([player.line.value, player.steadyReason.value, player.state.value.name]).toEqual(['steady', 'fell_back', 'playing'])
  expect(video.src).toContain('/hls/orange/index.m3u8')
})

test('a line that never shows a picture is left after six seconds', async () => {
  await open()
  await vi.advanceTimersByTimeAsync(6_100)
  expect(player.line.value).toBe('steady')
})

test('a minute later the fast line is looked at beside the picture, and taken when it shows one', async () => {
  await fallBack()
  await vi.advanceTimersByTimeAsync(60_100)
  expect(player.line.value).toBe('steady')
  await showPicture(peers.last)
  expect(player.line.value).toBe('fast')
  await showPicture(peers.last)
  expect([player.state.value.name, video.hasAttribute('src')]).toEqual(['playing', false])
})

test('a look in vain leaves everything as it is, and the next one is later', async () => {
  await fallBack()
  const before = peers.peers.length
  await vi.advanceTimersByTimeAsync(60_100 + 10_100)
  expect([player.line.value, player.state.value.name]).toEqual(['steady', 'playing'])
  const looked = peers.peers.length
  expect(looked).toBeGreaterThan(before)
  await vi.advanceTimersByTimeAsync(110_000)
  expect(peers.peers.length).toBe(looked)
})

test.each([3, 120])('after an outage that the phone knew of for %i s, a viewer whom WHEP does not reach has his picture within seconds', async (knownSeconds) => {
  await fallBack()
  const goes = (name: 'online' | 'offline') => {
    vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(name === 'online')
    window.dispatchEvent(new Event(name))
  }
  const steadyFails = () => player.line.value === 'steady' && video.dispatchEvent(new Event('error'))
  // a router without its line behind: the phone does not know that it is offline, then it does
  node.next.push(...Array.from({ length: 500 }, refused))
  const secondPasses = async () => {
    steadyFails()
    await vi.advanceTimersByTimeAsync(1_000)
  }
  for (let second = 0; second < 100 || player.line.value === 'steady'; second += 1) await secondPasses()
  goes('offline')
  for (let second = 0; second < knownSeconds; second += 1) await secondPasses()
  node.next.length = 0 // the server is there again, the line still swallows its packets
  goes('online')
  await vi.advanceTimersByTimeAsync(7_000)
  await vi.dynamicImportSettled()
  video.dispatchEvent(new Event('playing'))
  expect([player.line.value, player.state.value.name]).toEqual(['steady', 'playing'])
})

test('who has chosen the steady line keeps it, also the next time', async () => {
  await open()
  player.choose('steady')
  await vi.advanceTimersByTimeAsync(700_000)
  expect([player.line.value, player.steadyReason.value, peers.peers.length]).toEqual(['steady', 'chosen', 1])
  scope.stop()
  scope = effectScope()
  await open()
  expect(player.line.value).toBe('steady')
  player.choose('auto')
  expect(player.line.value).toBe('fast')
})

test('a page without a steady line stays with WHEP', async () => {
  node.next.push(refused(), refused(), refused())
  const made = scope.run(() => usePlayer(shallowRef(video), shallowRef('https://media.example/whep/orange'), { silent: true }))
  await vi.advanceTimersByTimeAsync(20_000)
  expect(made?.line.value).toBe('fast')
})
