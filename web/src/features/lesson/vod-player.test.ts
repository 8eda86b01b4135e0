// The lesson's player keeps its place through whatever fails.
// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { VodPlayer } from './vod-player'

/** What the player needs of hls.js; most tests have a browser without MSE, which plays by itself. */
const FakeHls = vi.hoisted(() => {
  class Library {
    static supported = false
    static made: Library[] = []
    static Events = { MANIFEST_PARSED: 'parsed', ERROR: 'error', FRAG_LOADED: 'loaded' }
    static isSupported = () => Library.supported
    loadingEnabled = false
    starts: number[] = []
    constructor(readonly config: { startPosition: number }) {
      Library.made.push(this)
    }
    on = () => undefined
    loadSource = () => undefined
    attachMedia = () => undefined
    stopLoad = () => void (this.loadingEnabled = false)
    startLoad = (at: number) => void this.starts.push(at)
    destroy = () => undefined
  }
  return Library
})
vi.mock('hls.js', () => ({ default: FakeHls }))

let video: HTMLVideoElement
let player: VodPlayer

async function opened(): Promise<void> {
  await vi.dynamicImportSettled()
}

function plays(): void {
  video.dispatchEvent(new Event('loadedmetadata'))
  video.dispatchEvent(new Event('playing'))
}

const breaks = () => video.dispatchEvent(new Event('error'))

beforeEach(() => {
  FakeHls.supported = false
  video = document.createElement('video')
  video.canPlayType = () => 'maybe' // no MSE here: the browser's own HLS
  video.play = async () => undefined
  video.pause = () => undefined
  video.load = () => void (video.currentTime = 0) // as browsers do
  player = new VodPlayer(video, { state: () => undefined, qualities: () => undefined, loaded: () => undefined })
})
afterEach(() => player.destroy())

test('a retry without network that fails, too, loses no place', async () => {
  void player.start('/lesson.m3u8', 60_000, 'auto')
  await opened()
  plays()
  video.currentTime = 90
  breaks()
  for (let attempt = 0; attempt < 3; attempt += 1) {
    player.play()
    await opened()
    expect([video.currentTime, player.placeMs, player.hasBegun]).toEqual([0, 90_000, false])
    breaks()
  }
  player.play()
  await opened()
  plays()
  expect([video.currentTime, player.placeMs, player.hasBegun]).toEqual([90, 90_000, true])
})

test('who moves while it is still being opened begins there', async () => {
  void player.start('/lesson.m3u8', 60_000, 'auto')
  await opened()
  player.seek(30_000)
  plays()
  expect([video.currentTime, player.placeMs, player.hasBegun]).toEqual([30, 30_000, true])
})

test('so does who moves before the player itself was loaded', async () => {
  void player.start('/lesson.m3u8', 60_000, 'auto')
  player.seek(30_000)
  await opened()
  plays()
  expect(video.currentTime).toBe(30)
})

test('who moves while it is still being opened, and then lost, begins there', async () => {
  void player.start('/lesson.m3u8', 60_000, 'auto')
  await opened()
  player.seek(30_000)
  breaks()
  player.play()
  await opened()
  plays()
  expect(video.currentTime).toBe(30)
})

test('hls.js begins where he moved to meanwhile, before and after it loads, and stays held', async () => {
  FakeHls.supported = true
  void player.start('/lesson.m3u8', 60_000, 'auto')
  await opened()
  const hls = FakeHls.made.at(-1)
  if (!hls) throw new Error('nothing was loaded')
  player.seek(30_000)
  expect([hls.config.startPosition, hls.starts]).toEqual([30, []])
  hls.loadingEnabled = true
  player.seek(45_000)
  expect(hls.starts).toEqual([45])
  player.hold()
  player.seek(50_000)
  expect(hls.starts).toEqual([45])
  player.release()
  expect(hls.starts).toEqual([45, 50])
  plays()
  player.seek(70_000)
  expect([video.currentTime, hls.starts]).toEqual([70, [45, 50]])
})

test('is held until it is released or opens something else', async () => {
  void player.start('/lesson.m3u8', 0, 'auto')
  await opened()
  player.hold()
  expect(player.isHeld).toBe(true)
  player.release()
  expect(player.isHeld).toBe(false)
  player.hold()
  void player.start('/packs/lesson/master.m3u8', 0, 'auto')
  expect(player.isHeld).toBe(false)
})
