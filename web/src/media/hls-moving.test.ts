// While a stream moves from one node to another, hls.js itself stays where it is and asks again.
// @vitest-environment happy-dom
import Hls from 'hls.js/light'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HlsPlayer } from './hls-player'

const INDEX = ['#EXTM3U', '#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.42e01f,opus"', 'live.m3u8', ''].join('\n')
const segments = (count: number) => Array.from({ length: count }, (_, index) => ['#EXTINF:2.0,', `${index}.m4s`]).flat()
const live = (count: number) =>
  ['#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:0', '#EXT-X-MAP:URI="init.mp4"', ...segments(count), ''].join('\n')

/** Answers playlists at once, and segments never. */
let answer: (name: string) => [number, string]
let asked: { name: string; atMs: number }[]
let states: string[]
let player: HlsPlayer

class FakeRequest {
  responseType = ''
  responseURL = ''
  response = ''
  responseText = ''
  statusText = ''
  status = 0
  readyState = 0
  onreadystatechange: (() => void) | null = null
  open = (_method: string, url: string) => void (this.responseURL = url)
  setRequestHeader = () => undefined
  getAllResponseHeaders = () => 'retry-after: 1\r\n'
  getResponseHeader = () => null
  abort = () => undefined
  send(): void {
    const name = new URL(this.responseURL).pathname.split('/').at(-1) ?? ''
    if (!name.endsWith('.m3u8')) return
    asked.push({ name, atMs: Date.now() })
    setTimeout(() => {
      const [status, body] = answer(name)
      Object.assign(this, { status, response: body, responseText: body, readyState: 4 })
      this.onreadystatechange?.()
    })
  }
}

class FakeMediaSource extends EventTarget {
  static isTypeSupported = () => true
}

const timesOf = (wanted: string) => asked.flatMap(({ name, atMs }) => (name === wanted ? [atMs] : []))

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-28T10:00:00Z') })
  vi.stubGlobal('XMLHttpRequest', FakeRequest)
  vi.stubGlobal('status', '') // hls.js logs it, every browser has it
  vi.stubGlobal('MediaSource', FakeMediaSource)
  vi.stubGlobal('URL', Object.assign(URL, { createObjectURL: () => 'blob:picture', revokeObjectURL: () => undefined }))
  asked = []
  states = []
  const video = document.createElement('video')
  video.play = async () => undefined
  video.load = () => undefined
  player = new HlsPlayer({
    url: 'https://media.example/hls/orange/index.m3u8',
    video,
    wallMs: Date.now,
    loadHls: async () => Hls,
    onState: ({ name }) => states.push(name),
    logEdge: () => undefined,
  })
  answer = (name) => [200, name === 'index.m3u8' ? INDEX : live(30)]
  player.start()
})
afterEach(() => {
  player.destroy()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

test('for minutes it is asked again each second, and nothing is torn down', async () => {
  await vi.advanceTimersByTimeAsync(1_000)
  expect(timesOf('live.m3u8')).toHaveLength(1)
  answer = () => [503, '']
  const movedMs = Date.now()
  await vi.advanceTimersByTimeAsync(100_000)
  const times = timesOf('live.m3u8').filter((atMs) => atMs >= movedMs)
  const waits = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0))
  expect(Math.max(...waits)).toBeLessThanOrEqual(1_100)
  expect(times.length).toBeGreaterThan(90)
  expect([states, timesOf('index.m3u8').length]).toEqual([['connecting'], 1])
})

test('where the next node is not ready when it is opened, it is asked again within seconds', async () => {
  answer = () => [503, '']
  await vi.advanceTimersByTimeAsync(4_000)
  expect(timesOf('index.m3u8').length).toBeGreaterThan(2)
  expect(states).not.toContain('waiting')
})
