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

  async keys() {
    return [...this.all.keys()]
  }

  /** What can be read without a network. */
  paths(): string[] {
    return [...this.all.values()].flatMap((shelf) => [...shelf.keys()])
  }

  get bytes(): number {
    const all = [...this.all.values()].flatMap((shelf) => [...shelf.values()])
    return all.reduce((sum, file) => sum + Number(file.headers.get('Content-Length')), 0)
  }
}

let shelves: Shelves
let signedIn: string | null
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
  if (path === '/api/session') return json({ user: signedIn && { id: signedIn, roles: [] } })
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
  signedIn = 'li'
  fetched = []
  answer = () => undefined
  setActivePinia(createPinia())
  vi.stubGlobal('fetch', server)
  shelves = new Shelves()
  vi.stubGlobal('caches', shelves)
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

it.each([0, 1, 100, 300, 1_200, 3_999, OFFER.bytes])('a limit of %i bytes holds to the byte, whatever comes onto the device', async (limit) => {
  const downloads = useDownloads()
  downloads.limitTo(limit)
  await downloads.start(lessonNow(), OFFER)
  expect(downloads.of('1')).toMatchObject({ state: 'stopped', trouble: 'limit', loadedBytes: shelves.bytes })
  expect(shelves.bytes).toBeLessThanOrEqual(limit)
})

it('a device that has no room left says so', async () => {
  const downloads = useDownloads()
  vi.stubGlobal('caches', {
    keys: () => shelves.keys(),
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

/** The files of an edition that can be read without a network. */
const keptOf = (of: number) => shelves.paths().filter((path) => path.startsWith(`/files/e${of}/`) && !path.endsWith('.m3u8'))

/** What is loaded to take the lesson's place. */
function renewalHere() {
  const kept = useDownloads().of('1')
  return kept && useDownloads().renewalOf(kept)
}

/** A lesson that is kept, and made again since; its new edition comes half-way. */
async function halfRenewed() {
  const downloads = useDownloads()
  await downloads.start(lessonNow(), OFFER)
  edition = 2
  await downloads.lookAll()
  answer = (path) => (path.endsWith('3.m4s') ? new Response('', { status: 404 }) : undefined)
  await downloads.renew('li.1')
  answer = () => undefined
  return downloads
}

it('the old edition can be watched until the new one is whole', async () => {
  const downloads = await halfRenewed()
  const old = downloads.of('1')
  expect(old).toMatchObject({ state: 'ready', isOutdated: true, edition: playlistOf(1) })
  expect([keptOf(1).length, shelves.paths().includes(old?.playUrl ?? '')]).toEqual([SEGMENTS.length, true])
  expect(downloads.mine).toHaveLength(1)
  expect(renewalHere()).toMatchObject({ state: 'stopped', trouble: 'gone', edition: playlistOf(2) })

  await downloads.load('li.1.next')
  const renewed = downloads.of('1')
  expect(renewed).toMatchObject({ ...WHOLE, isOutdated: false, edition: playlistOf(2), lesson: { playlist_url: playlistOf(2) } })
  expect([keptOf(1), keptOf(2).length, shelves.paths().includes(renewed?.playUrl ?? '')]).toEqual([[], SEGMENTS.length, true])
  expect(renewalHere()).toBeNull()
})

it('a new edition for which there is no room leaves the old one alone', async () => {
  const downloads = useDownloads()
  await downloads.start(lessonNow(), OFFER)
  edition = 2
  await downloads.lookAll()
  downloads.limitTo(shelves.bytes + 2.5 * SEGMENT.length)
  await downloads.renew('li.1')
  expect(downloads.of('1')).toMatchObject({ state: 'ready', edition: playlistOf(1) })
  expect(renewalHere()).toMatchObject({ state: 'stopped', trouble: 'limit' })
  expect(shelves.bytes).toBeLessThanOrEqual(downloads.limitBytes)

  await downloads.remove('li.1.next')
  expect([keptOf(1).length, keptOf(2)]).toEqual([SEGMENTS.length, []])
})

it('what was kept without signing in stays everybody\'s when it is renewed', async () => {
  signedIn = null
  localStorage.clear()
  setActivePinia(createPinia())
  await useSession().ensure()
  await useDownloads().start(lessonNow(), OFFER)
  edition = 2
  signedIn = 'li'
  setActivePinia(createPinia())
  await useSession().ensure()
  const downloads = useDownloads()
  await downloads.ready()
  await downloads.lookAll()
  expect(downloads.mine[0]?.isOutdated).toBe(true)
  await downloads.renew('guest.1')
  expect(downloads.mine.map(({ id, ownerId, edition: of }) => [id, ownerId, of])).toEqual([['guest.1', null, playlistOf(2)]])
})

it('a renewal goes with the lesson, and what a closed page left is dropped', async () => {
  const downloads = await halfRenewed()
  await downloads.remove('li.1')
  expect([shelves.paths(), downloads.total]).toEqual([[], 0])

  await (await shelves.open('pack.li.1.7')).put('/files/e1/0.m4s', new Response(SEGMENT))
  await (await shelves.open('player')).put('/assets/hls-1.js', new Response(''))
  setActivePinia(createPinia())
  await useSession().ensure()
  await useDownloads().ready()
  expect(await shelves.keys()).toEqual(['player'])
})

it('the rest of an edition that is gone is not waited for: the newest takes its place', async () => {
  const downloads = await stoppedByHand()
  edition = 2
  await downloads.lookAll()
  expect(downloads.of('1')).toMatchObject({ state: 'ready', isOutdated: false, edition: playlistOf(2) })
})
