// The way of a pack: begun, stopped by hand or by a fault, gone on with, made anew when its lesson was.
// @vitest-environment happy-dom
import 'fake-indexeddb/auto'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useSession } from '@/lib/session'
import { database } from './device'
import { useDownloads } from './downloads'
import { LessonServer, OFFER, SEGMENT, SEGMENTS, serviceWorkerThatKeeps, Shelves } from '../../../tests/harness/packs'

const WHOLE = { state: 'ready', trouble: null }

let shelves: Shelves
let server: LessonServer
const playlistOf = (of: number) => server.playlistOf(of)
const lessonNow = () => server.lesson()
const segmentsFetched = () => server.segments()

/** A download that its owner stopped half-way. */
async function stoppedByHand() {
  const downloads = useDownloads()
  let pausing: Promise<void> | undefined
  server.answer = (path) => {
    if (path.endsWith('2.m4s')) pausing ??= downloads.pause('li.1')
    return undefined
  }
  await downloads.start(lessonNow(), OFFER)
  await pausing
  server.answer = () => undefined
  return downloads
}

beforeEach(async () => {
  localStorage.clear()
  server = new LessonServer()
  setActivePinia(createPinia())
  vi.stubGlobal('fetch', server.fetch)
  shelves = new Shelves()
  vi.stubGlobal('caches', shelves)
  vi.stubGlobal('MediaSource', EventTarget)
  Object.defineProperty(navigator, 'serviceWorker', { value: serviceWorkerThatKeeps(), configurable: true })
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
  server.answer = (path) => {
    if (path.endsWith('.m4s')) throw new TypeError('no network')
    return undefined
  }
  const loading = downloads.start(lessonNow(), OFFER)
  while (downloads.of('1')?.state !== 'stopped') await vi.advanceTimersByTimeAsync(1_000)
  await loading
  expect(downloads.of('1')).toMatchObject({ trouble: 'network' })

  server.answer = () => undefined
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
  server.edition = 2
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
  server.edition = 2
  await downloads.lookAll()
  server.answer = (path) => (path.endsWith('3.m4s') ? new Response('', { status: 404 }) : undefined)
  await downloads.renew('li.1')
  server.answer = () => undefined
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

it('a new edition that is larger than was said leaves the old one alone', async () => {
  const downloads = useDownloads()
  await downloads.start(lessonNow(), OFFER)
  server.edition = 2
  server.bytes = 2 * SEGMENT.length
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
  server.signedIn = null
  localStorage.clear()
  setActivePinia(createPinia())
  await useSession().ensure()
  await useDownloads().start(lessonNow(), OFFER)
  server.edition = 2
  server.signedIn = 'li'
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
  server.edition = 2
  await downloads.lookAll()
  expect(downloads.of('1')).toMatchObject({ state: 'ready', isOutdated: false, edition: playlistOf(2) })
})
