// The lesson's player keeps its place through whatever fails.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { VodPlayer } from './vod-player'

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
  breaks()
  player.play()
  await opened()
  plays()
  expect(video.currentTime).toBe(30)
})
