// The HLS player: follows the broadcast, goes back in it, and outlives what the network does.
// @vitest-environment happy-dom
import type Hls from 'hls.js/light'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HlsPlayer, type HlsPlace } from './hls-player'
import type { PlayerState } from './whep-player'

/** What the player needs of hls.js, driven by the test. */
class FakeHls {
  static all: FakeHls[] = []
  static Events = { MANIFEST_PARSED: 'parsed', ERROR: 'error', LEVEL_UPDATED: 'updated' }
  static ErrorTypes = { MEDIA_ERROR: 'mediaError', NETWORK_ERROR: 'networkError' }
  static ErrorDetails = { MANIFEST_INCOMPATIBLE_CODECS_ERROR: 'incompatible' }
  static isSupported = () => true
  levels = [
    { audioCodec: 'mp4a.40.2', bitrate: 1_000_000, details: null as unknown },
    { audioCodec: 'opus', bitrate: 1_000_000, details: { fragmentStart: 0, edge: 100, fragments: Array.from({ length: 50 }, (_, index) => ({ start: 2 * index })) } },
  ]
  loadLevel = 0
  liveSyncPosition = 98
  playingDate: Date | null = null
  destroyed = false
  mended = 0
  loadingEnabled = true
  starts: number[] = []
  private readonly listeners = new Map<string, (event: string, data: unknown) => void>()
  constructor(readonly config: { startPosition: number }) {
    FakeHls.all.push(this)
  }
  on = (name: string, listener: (event: string, data: unknown) => void) => void this.listeners.set(name, listener)
  loadSource = () => undefined
  attachMedia = () => undefined
  get startPosition() {
    return this.config.startPosition
  }
  startLoad = (at: number) => void this.starts.push(at)
  recoverMediaError = () => void (this.mended += 1)
  destroy = () => void (this.destroyed = true)
  say = (name: string, data: unknown) => this.listeners.get(name)?.(name, data)
}

const NOW = Date.parse('2026-11-28T10:00:00Z')
let states: PlayerState[]
let places: HlsPlace[]
let video: HTMLVideoElement
let player: HlsPlayer

const last = () => {
  const hls = FakeHls.all.at(-1)
  if (!hls) throw new Error('nothing was loaded')
  return hls
}
const fatal = (details: string, more: object = {}) => last().say('error', { fatal: true, type: 'networkError', details, ...more })

async function begin(): Promise<void> {
  player.start()
  await vi.advanceTimersByTimeAsync(0)
  last().say('parsed', { levels: last().levels })
  video.dispatchEvent(new Event('playing'))
}

beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
  FakeHls.all = []
  states = []
  places = []
  video = document.createElement('video')
  video.play = async () => undefined
  player = new HlsPlayer({
    url: '/hls/orange/index.m3u8',
    video,
    wallMs: () => NOW,
    loadHls: async () => FakeHls as unknown as typeof Hls,
    onState: (state) => states.push(state),
    onPlace: (place) => places.push(place),
    logEdge: () => undefined,
  })
})
afterEach(() => {
  player.destroy()
  vi.useRealTimers()
})

describe('while it follows the broadcast', () => {
  test('it takes the sound that is there anyway, and knows how late it is', async () => {
    await begin()
    expect(last().loadLevel).toBe(1)
    expect(player.delayMs).toBe(0)
    last().playingDate = new Date(NOW - 2_300)
    expect(player.delayMs).toBe(2_300)
    expect(states.map(({ name }) => name)).toEqual(['connecting', 'playing'])
  })

  test('it catches up when the page has slept, but not with who went back', async () => {
    await begin()
    video.currentTime = 50
    await vi.advanceTimersByTimeAsync(500)
    expect(video.currentTime).toBe(98)
    player.seek(20_000)
    await vi.advanceTimersByTimeAsync(500)
    expect(video.currentTime).toBe(20)
    expect(places.at(-1)).toEqual({ lengthMs: 100_000, atMs: 20_000, isBack: true })
  })

  test('the beginning is the second segment, and one that shows nothing is passed over', async () => {
    await begin()
    Object.defineProperty(video, 'paused', { value: false })
    player.seek(0)
    expect(video.currentTime).toBe(2.05)
    await vi.advanceTimersByTimeAsync(5_900)
    expect(video.currentTime).toBe(2.05)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(video.currentTime).toBe(4.05)
  })

  test('back to live, by the button or by the end of the slider', async () => {
    await begin()
    for (const back of [() => player.toLive(), () => player.seek(99_000)]) {
      player.seek(0)
      back()
      expect(video.currentTime).toBe(98)
      expect(places.at(-1)).toEqual({ lengthMs: 100_000, atMs: 100_000, isBack: false })
    }
  })
})

describe('when the browser does not let it play', () => {
  let plays: number
  let refuses: boolean

  beforeEach(() => {
    plays = 0
    refuses = true
    video.muted = true
    Object.defineProperty(video, 'paused', { configurable: true, get: () => refuses })
    video.play = async () => {
      plays += 1
      if (refuses) throw new DOMException('a tap first', 'NotAllowedError')
    }
  })

  test('the next tap anywhere takes it up', async () => {
    player.start()
    await vi.advanceTimersByTimeAsync(0)
    last().say('parsed', { levels: last().levels })
    await vi.advanceTimersByTimeAsync(5_000)
    expect([plays, states.at(-1)?.name]).toEqual([1, 'connecting'])
    document.dispatchEvent(new Event('pointerup'))
    expect(plays).toBe(2)
  })

  test('so does the page that is looked at again, unless it plays', async () => {
    await begin()
    plays = 0
    document.dispatchEvent(new Event('visibilitychange'))
    expect(plays).toBe(1)
    refuses = false
    document.dispatchEvent(new Event('visibilitychange'))
    expect(plays).toBe(1)
    refuses = true
    player.destroy()
    document.dispatchEvent(new Event('visibilitychange'))
    expect(plays).toBe(1)
  })
})

describe('when something breaks', () => {
  test('who went back comes back to his place, also at the second try', async () => {
    await begin()
    expect(last().startPosition).toBe(-1)
    player.seek(20_000)
    fatal('fragLoadError')
    await vi.advanceTimersByTimeAsync(1_000)
    expect([FakeHls.all.length, last().startPosition]).toEqual([2, 20])
    video.currentTime = 0
    fatal('levelLoadError')
    await vi.advanceTimersByTimeAsync(2_000)
    expect([FakeHls.all.length, last().startPosition]).toEqual([3, 20])
    video.currentTime = 20
    last().say('parsed', { levels: last().levels })
    video.dispatchEvent(new Event('playing'))
    await vi.advanceTimersByTimeAsync(500)
    expect([video.currentTime, places.at(-1)?.isBack]).toEqual([20, true])
    // but not when he has gone to live meanwhile, or when there is another stream
    player.toLive()
    fatal('fragLoadError')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(last().startPosition).toBe(-1)
  })

  test('who went back further than the next node has goes to live', async () => {
    await begin()
    player.seek(90_000)
    const details = last().levels[1]?.details as { edge: number }
    details.edge = 10
    last().liveSyncPosition = 8
    await vi.advanceTimersByTimeAsync(500)
    expect([video.currentTime, places.at(-1)?.isBack]).toEqual([8, false])
  })

  test('who went back in what the next node does not have goes to live', async () => {
    await begin()
    player.seek(20_000)
    const details = last().levels[1]?.details as { fragmentStart: number; edge: number }
    Object.assign(details, { fragmentStart: 300, edge: 320 })
    last().liveSyncPosition = 318
    // hls.js goes to live by itself right after it has said so
    last().say('updated', {})
    expect([video.currentTime, places.at(-1)?.isBack]).toEqual([318, false])
    // the same where the browser plays by itself, and tells nothing
    video.currentTime = 318
    player.seek(5_000)
    Object.assign(details, { fragmentStart: 900, edge: 920 })
    last().liveSyncPosition = 918
    await vi.advanceTimersByTimeAsync(500)
    expect([video.currentTime, places.at(-1)?.isBack]).toEqual([918, false])
    video.currentTime = 900
    await vi.advanceTimersByTimeAsync(500)
    expect(video.currentTime).toBe(918)
  })

  test('who moves while it is away comes back where he wants to be', async () => {
    await begin()
    await vi.advanceTimersByTimeAsync(500)
    fatal('fragLoadError')
    player.seek(30_000)
    expect(places.at(-1)).toEqual({ lengthMs: 100_000, atMs: 30_000, isBack: true })
    await vi.advanceTimersByTimeAsync(1_000)
    expect([FakeHls.all.length, last().startPosition]).toEqual([2, 30])
    // and once more while it is being opened
    player.seek(40_000)
    expect(last().starts).toEqual([40])
    fatal('levelLoadError')
    await vi.advanceTimersByTimeAsync(2_000)
    expect([FakeHls.all.length, last().startPosition]).toEqual([3, 40])
    last().say('parsed', { levels: last().levels })
    video.dispatchEvent(new Event('playing'))
    fatal('fragLoadError')
    // the end of the slider means the broadcast
    player.seek(99_000)
    expect(places.at(-1)).toEqual({ lengthMs: 100_000, atMs: 100_000, isBack: false })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(last().startPosition).toBe(-1)
  })

  test('it mends what the decoder did not like a few times, then begins anew', async () => {
    await begin()
    for (let time = 0; time < 3; time += 1) fatal('bufferAppendError', { type: 'mediaError' })
    expect(last().mended).toBe(3)
    fatal('bufferAppendError', { type: 'mediaError' })
    expect(states.at(-1)?.name).toBe('reconnecting')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(FakeHls.all).toHaveLength(2)
  })

  test('a stream that is not there is waited for', async () => {
    await begin()
    fatal('manifestLoadError', { response: { code: 404 } })
    expect(states.at(-1)).toEqual({ name: 'waiting', retryInMs: 2_000 })
    expect(last().destroyed).toBe(true)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(FakeHls.all).toHaveLength(2)
  })

  test('a try that is on its way when the network comes back is the first of its row', async () => {
    await begin()
    for (const waitMs of [1_000, 1_000, 2_000]) {
      fatal('fragLoadError')
      await vi.advanceTimersByTimeAsync(waitMs)
    }
    player.retryNow()
    expect(FakeHls.all).toHaveLength(4)
    fatal('fragLoadError')
    expect(states.at(-1)).toMatchObject({ name: 'reconnecting', attempt: 1 })
  })

  test('the end of a playlist is asked about again: the stream may have moved to another node', async () => {
    await begin()
    video.dispatchEvent(new Event('ended'))
    await vi.advanceTimersByTimeAsync(2_000)
    expect(FakeHls.all).toHaveLength(2)
  })

  test('a browser that cannot decode it is told so, and nothing is tried again', async () => {
    await begin()
    fatal('incompatible')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(states.at(-1)).toEqual({ name: 'failed', reason: 'cannot_play' })
    expect(FakeHls.all).toHaveLength(1)
  })

  test('nothing is told after the end', async () => {
    await begin()
    player.destroy()
    const told = states.length
    await vi.advanceTimersByTimeAsync(60_000)
    expect(states).toHaveLength(told)
    expect(states.at(-1)).toEqual({ name: 'closed' })
  })
})
