// The room's player goes over to the steady line by itself, and comes back when the fast one works again.
// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type EffectScope, effectScope, nextTick, shallowRef } from 'vue'
import { FakeMediaNode, type FakePeer, FakeStream, FakeTrack, PeerFactory } from '@/media/fakes'
import { useDataUse } from '@/lib/data-use'
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

test('who has gone back hears of the room at once, and it is known when his picture was taken', async () => {
  const beganAt = Date.now() - 100_000
  const broadcast = { seekable: { length: 1, start: () => 0, end: () => 100 }, getStartDate: () => new Date(beganAt) }
  for (const [name, value] of Object.entries(broadcast)) Object.defineProperty(video, name, { value })
  await fallBack()
  video.currentTime = 97
  expect([player.delayMs() > 3_000, player.backAtMs()]).toEqual([true, null])

  player.seek(10_000)

  expect(player.delayMs()).toBe(0)
  expect(player.backAtMs()).toBe(beganAt + 10_000 - 150) // so long the host's side took
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

const MB = 1_000_000

/** What the picture is asked to be, in the order in which it was asked. */
const asked = () => node.askedOf('layer').map(([, body]) => body)

async function plays(bytesReceived: number): Promise<void> {
  peers.last.stats = peers.last.stats.map((entry) => ({ ...entry, bytesReceived }))
  await vi.advanceTimersByTimeAsync(2_000)
}

test('when the month is used up the picture becomes slides, and says so; it is as before when he wants it', async () => {
  node.hasExtensions = true
  useDataUse().limitTo(5 * MB)
  await open()
  await vi.advanceTimersByTimeAsync(0)
  await showPicture(peers.last)
  await plays(4 * MB)
  expect([player.saving.value, asked()]).toEqual([null, []])
  await plays(6 * MB)
  expect([player.saving.value, asked()]).toEqual(['slides', [{ mode: 'slides' }]])
  player.goOver()
  await plays(9 * MB)
  expect([player.saving.value, asked()]).toEqual([null, [{ mode: 'slides' }, {}]])
})

test('who only listens goes on listening when the month is used up', async () => {
  node.hasExtensions = true
  useDataUse().limitTo(MB)
  useDataUse().note(2 * MB)
  localStorage.setItem('dongting.picture', 'audio')
  await open()
  await vi.advanceTimersByTimeAsync(0)
  await showPicture(peers.last)
  expect([player.saving.value, asked()]).toEqual([null, [{ mode: 'audio' }]])
})

test('the steady line, which has one size, is held when the month is used up, until he wants it', async () => {
  useDataUse().limitTo(MB)
  await fallBack()
  expect(player.line.value).toBe('steady')
  useDataUse().note(2 * MB)
  scope.stop()
  scope = effectScope()
  localStorage.setItem('dongting.line', 'steady')
  await open()
  expect([player.saving.value, player.line.value, player.state.value.name]).toEqual(['held', null, 'idle'])
  player.goOver()
  await vi.dynamicImportSettled()
  expect([player.saving.value, player.line.value]).toEqual([null, 'steady'])
})
