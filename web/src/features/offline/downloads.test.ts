// The way of a pack: begun, stopped by hand or by a fault, gone on with, made anew when its lesson was.
// @vitest-environment happy-dom
import 'fake-indexeddb/auto'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Lesson } from '@/api/types'
import { useSession } from '@/lib/session'
import { database } from './device'
import { useDownloads } from './downloads'

const SEGMENTS = ['init.mp4', '0.m4s', '1.m4s', '2.m4s', '3.m4s', '4.m4s']
const SEGMENT = 'x'.repeat(1_000)
const OFFER = { name: '144p', quality: 144, bytes: SEGMENTS.length * SEGMENT.length } as const
const WHOLE = { state: 'ready', trouble: null }

/** What a browser's Cache Storage does for packs; Node has none. */
class Shelves {
  private readonly all = new Map<string, Map<string, Response>>()

  async open(name: string) {
    const shelf = this.all.get(name) ?? new Map<string, Response>()
    this.all.set(name, shelf)
    const pathOf = (of: string | { url: string }) => new URL(typeof of === 'string' ? of : of.url, 'http://here').pathname
    return {
      put: async (path: string, response: Response) => void shelf.set(pathOf(path), response),
      match: async (of: string | { url: string }) => shelf.get(pathOf(of)),
      keys: async () => [...shelf.keys()].map((path) => ({ url: `http://here${path}` })),
    }
  }

  async delete(name: string) {
    return this.all.delete(name)
  }
}

let edition: number
let fetched: string[]
let answer: (path: string) => Promise<Response> | Response | undefined

const playlistOf = (of: number) => `/files/e${of}/master.m3u8`
const lessonNow = (): Lesson =>
  ({
    id: '1', title: `剪枝 ${edition}`, state: 'ready', playlist_url: playlistOf(edition), position_ms: 0, watched_ms: 0, reached_ms: 0, intervals: [], done: false,
    renditions: [{ name: '144p', height: 144, width: 256, bytes: OFFER.bytes }], sounds: [], subtitles_url: null, poster_url: null, waveform_url: null,
  }) as unknown as Lesson

function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } })
}

/** A server with one lesson; only the newest edition's files are there. */
async function server(path: string): Promise<Response> {
  if (path === '/api/session') return json({ user: { id: 'li', roles: [] } })
  if (path.endsWith('/quiz')) return json({ questions: [] })
  if (path.startsWith('/api/lessons/1')) return json(lessonNow())
  fetched.push(path)
  const other = await answer(path)
  if (other) return other
  const folder = `/files/e${edition}/`
  if (!path.startsWith(folder)) return new Response('', { status: 404 })
  if (path.endsWith('master.m3u8')) return new Response('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=80000\n144p/index.m3u8\n')
  if (path.endsWith('index.m3u8')) {
    const [init, ...segments] = SEGMENTS
    return new Response(`#EXTM3U\n#EXT-X-MAP:URI="${init}"\n${segments.map((uri) => `#EXTINF:4,\n${uri}`).join('\n')}\n`)
  }
  return new Response(SEGMENT)
}

const segmentsFetched = () => fetched.filter((path) => !path.endsWith('.m3u8')).map((path) => path.split('/').at(-1))

/** A download that its owner stopped half-way. */
async function stoppedByHand() {
  const downloads = useDownloads()
  let pausing: Promise<void> | undefined
  answer = (path) => {
    if (path.endsWith('2.m4s')) pausing ??= downloads.pause('li.1')
    return undefined
  }
  await downloads.start(lessonNow(), OFFER)
  await pausing
  answer = () => undefined
  return downloads
}

beforeEach(async () => {
  localStorage.clear()
  edition = 1
  fetched = []
  answer = () => undefined
  setActivePinia(createPinia())
  vi.stubGlobal('fetch', server)
  vi.stubGlobal('caches', new Shelves())
  vi.stubGlobal('MediaSource', EventTarget)
  const active = { postMessage: (_: unknown, [port]: MessagePort[]) => port?.postMessage(true) }
  Object.defineProperty(navigator, 'serviceWorker', { value: { ready: Promise.resolve({ active }) }, configurable: true })
  const db = await database()
  await Promise.all([db.clear('packs'), db.clear('watched')])
  await useSession().ensure()
})
afterEach(() => vi.useRealTimers())

it('a lesson is kept whole, file by file, and each file is fetched once', async () => {
  const downloads = useDownloads()
  await downloads.start(lessonNow(), OFFER)
  expect(downloads.of('1')).toMatchObject(WHOLE)
  expect(downloads.total).toBeGreaterThanOrEqual(OFFER.bytes)
  expect(segmentsFetched().sort()).toEqual([...SEGMENTS].sort())
})

it('what was stopped by hand stays stopped when the network is back, and goes on with what is missing', async () => {
  const downloads = await stoppedByHand()
  expect(downloads.of('1')).toMatchObject({ state: 'stopped', trouble: null })
  const before = segmentsFetched().length

  await downloads.resume()
  expect(downloads.of('1')?.state).toBe('stopped')
  expect(segmentsFetched()).toHaveLength(before)

  await downloads.load('li.1')
  expect(downloads.of('1')).toMatchObject(WHOLE)
  expect(segmentsFetched().filter((name) => name === '0.m4s')).toHaveLength(1)
})

it('what the network stopped says so, and goes on by itself when the network is back', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const downloads = useDownloads()
  answer = (path) => {
    if (path.endsWith('.m4s')) throw new TypeError('no network')
    return undefined
  }
  const loading = downloads.start(lessonNow(), OFFER)
  while (downloads.of('1')?.state !== 'stopped') await vi.advanceTimersByTimeAsync(1_000)
  await loading
  expect(downloads.of('1')).toMatchObject({ trouble: 'network' })

  answer = () => undefined
  await downloads.resume()
  expect(downloads.of('1')).toMatchObject({ state: 'ready', trouble: null })
})

it('nothing is fetched beyond what this device may keep, and more may be once the limit is higher', async () => {
  const downloads = useDownloads()
  downloads.limitTo(2.5 * SEGMENT.length)
  await downloads.start(lessonNow(), OFFER)
  expect(downloads.of('1')).toMatchObject({ state: 'stopped', trouble: 'limit' })
  expect(segmentsFetched().length).toBeLessThan(SEGMENTS.length)

  downloads.limitTo(2 * OFFER.bytes)
  await downloads.load('li.1')
  expect(downloads.of('1')?.state).toBe('ready')
})

it('a device that has no room left says so', async () => {
  const downloads = useDownloads()
  const shelves = new Shelves()
  vi.stubGlobal('caches', {
    delete: (name: string) => shelves.delete(name),
    open: async (name: string) => {
      const shelf = await shelves.open(name)
      const put = async (path: string, response: Response) => {
        if (path.endsWith('1.m4s')) throw new DOMException('', 'QuotaExceededError')
        await shelf.put(path, response)
      }
      return { ...shelf, put }
    },
  })
  await downloads.start(lessonNow(), OFFER)
  expect(downloads.of('1')).toMatchObject({ state: 'stopped', trouble: 'full' })
})

it('a kept lesson that was made again still plays, says so, and is loaded anew when that is wanted', async () => {
  const downloads = useDownloads()
  await downloads.start(lessonNow(), OFFER)
  edition = 2
  await downloads.lookAll()
  expect(downloads.of('1')).toMatchObject({ state: 'ready', isOutdated: true, edition: playlistOf(1), lesson: { title: '剪枝 2' } })

  await downloads.renew('li.1')
  expect(downloads.of('1')).toMatchObject({ ...WHOLE, isOutdated: false, edition: playlistOf(2) })
})

it('the rest of an edition that is gone is not waited for: the newest takes its place', async () => {
  const downloads = await stoppedByHand()
  edition = 2
  await downloads.lookAll()
  expect(downloads.of('1')).toMatchObject({ state: 'ready', isOutdated: false, edition: playlistOf(2) })
})
