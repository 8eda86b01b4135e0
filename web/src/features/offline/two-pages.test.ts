// Two pages of one browser keep the same lesson: what one has begun the other neither begins again nor breaks.
// @vitest-environment happy-dom
import 'fake-indexeddb/auto'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, vi } from 'vitest'
import { LessonServer, Locks, OFFER, SEGMENT, SEGMENTS, serviceWorkerThatKeeps, Shelves } from '../../../tests/harness/packs'
import { database } from './device'
import type { Pack } from './pack'

let shelves: Shelves
let server: LessonServer

/** Another page: it has everything anew but what the browser keeps. */
async function page() {
  vi.resetModules()
  const pinia = createPinia()
  setActivePinia(pinia)
  const [{ useSession }, { useDownloads }, device] = await Promise.all([import('@/lib/session'), import('./downloads'), import('./device')])
  await useSession(pinia).ensure()
  const downloads = useDownloads(pinia)
  await downloads.ready()
  return { downloads, device }
}

/** The server answers for this file only when it is let. */
function held(name: string) {
  let letGo = (): void => undefined
  let asked = (): void => undefined
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  const waits = new Promise<void>((resolve) => (asked = resolve))
  server.answer = async (path) => {
    if (!path.endsWith(name)) return undefined
    asked()
    await gate
    return undefined
  }
  return { waits, letGo }
}

const keptOf = (of: number) => shelves.paths().filter((path) => path.startsWith(`/files/e${of}/`) && !path.endsWith('.m3u8'))
const stored = async () => (await database()).getAll('packs')

beforeEach(async () => {
  localStorage.clear()
  server = new LessonServer()
  shelves = new Shelves()
  vi.stubGlobal('fetch', server.fetch)
  vi.stubGlobal('caches', shelves)
  vi.stubGlobal('MediaSource', EventTarget)
  Object.defineProperty(navigator, 'serviceWorker', { value: serviceWorkerThatKeeps(), configurable: true })
  Object.defineProperty(navigator, 'locks', { value: new Locks(), configurable: true })
  const db = await database()
  await Promise.all([db.clear('packs'), db.clear('watched')])
})

/** Two pages that show a lesson of which there is a newer edition. */
async function twoWithOutdated() {
  const one = await page()
  await one.downloads.start(server.lesson(), OFFER)
  server.edition = 2
  await one.downloads.lookAll()
  const other = await page()
  server.fetched = []
  return { one, other }
}

it('two pages that renew the same lesson end with one whole edition, fetched once', async () => {
  const { one, other } = await twoWithOutdated()
  const hold = held('2.m4s')
  const first = one.downloads.renew('li.1')
  await hold.waits
  const second = other.downloads.renew('li.1')
  await page() // a third one tidies up
  hold.letGo()
  await Promise.all([first, second])
  expect(keptOf(2).length).toBe(SEGMENTS.length)
  expect(keptOf(1)).toEqual([])
  expect(server.segments().sort()).toEqual([...SEGMENTS].sort())
  expect(await stored()).toMatchObject([{ id: 'li.1', state: 'ready', edition: server.playlistOf(2) }])
  for (const { downloads } of [one, other]) expect(downloads.of('1')).toMatchObject({ state: 'ready', edition: server.playlistOf(2), isOutdated: false })
})

it('what another page is at is shown here, and goes on here when that page is closed in the middle', async () => {
  const one = await page()
  const other = await page()
  const hold = held('2.m4s')
  const first = one.downloads.start(server.lesson(), OFFER)
  await hold.waits
  await vi.waitFor(() => expect(other.downloads.of('1')?.state).toBe('loading'))
  const second = other.downloads.resume()
  one.device.packs.note = async () => { throw new Error('closed') } // it writes nothing any more
  hold.letGo()
  await Promise.allSettled([first, second])
  expect(await stored()).toMatchObject([{ id: 'li.1', state: 'ready' }])
  expect(keptOf(1).length).toBe(SEGMENTS.length)
})

it('a lesson that is removed on one page is not brought back by the other that loads it', async () => {
  const one = await page()
  const hold = held('2.m4s')
  const first = one.downloads.start(server.lesson(), OFFER)
  await hold.waits
  const other = await page()
  await other.downloads.remove('li.1')
  hold.letGo()
  await first
  expect([await stored(), shelves.paths(), one.downloads.of('1')]).toEqual([[], [], null])
})

it('a stop on one page stops the other that loads', async () => {
  const one = await page()
  const hold = held('.m4s')
  const first = one.downloads.start(server.lesson(), OFFER)
  await hold.waits
  const other = await page()
  await other.downloads.pause('li.1')
  await vi.waitFor(() => expect(one.downloads.of('1')?.state).toBe('stopped'))
  hold.letGo()
  await first
  expect(await stored()).toMatchObject([{ state: 'stopped', trouble: null }])
  expect(server.segments()).not.toContain('4.m4s')
})

it('a turn that is wanted no more keeps nobody waiting', async () => {
  const { inTurn } = (await page()).device
  const { signal } = new AbortController()
  const done: string[] = []
  let end = (): void => undefined
  const first = inTurn('li.1', signal, () => new Promise((resolve) => (end = resolve)))
  const unwanted = inTurn('li.1', AbortSignal.abort(), async () => void done.push('unwanted'))
  void inTurn('li.1', signal, async () => void done.push('next'))
  end()
  await Promise.all([first, unwanted])
  await vi.waitFor(() => expect(done).toEqual(['next']))
})

it('what is missing on the shelf in the end is fetched again before the lesson counts as kept', async () => {
  const { downloads } = await page()
  server.answer = async (path) => {
    if (path.endsWith('4.m4s')) {
      await shelves.lose('/files/e1/144p/1.m4s')
      await shelves.lose('/files/e1/144p/index.m3u8')
    }
    return undefined
  }
  await downloads.start(server.lesson(), OFFER)
  expect(downloads.of('1')?.state).toBe('ready')
  expect(keptOf(1).length).toBe(SEGMENTS.length)
  expect(shelves.paths()).toContain('/files/e1/144p/index.m3u8')
})

it('a page that is closed before a whole renewal takes its place leaves it to the next one', async () => {
  const { one } = await twoWithOutdated()
  one.device.packs.takePlace = async () => { throw new Error('closed') }
  one.device.packs.note = ((note) => async (pack: Pack) => (pack.state === 'stopped' ? undefined : note(pack)))(one.device.packs.note)
  await one.downloads.renew('li.1')
  const { downloads } = await page()
  await downloads.resume()
  expect(await stored()).toMatchObject([{ id: 'li.1', state: 'ready', edition: server.playlistOf(2) }])
})

it('a renewal for which there is no room is not begun', async () => {
  const { one } = await twoWithOutdated()
  one.downloads.limitTo(shelves.bytes + OFFER.bytes - 1)
  const pack = one.downloads.of('1')
  expect(pack && one.downloads.whyNotRenew(pack)).toBe('limit')
  await one.downloads.renew('li.1')
  expect(server.segments()).toEqual([])
  expect(await stored()).toMatchObject([{ id: 'li.1', state: 'ready', edition: server.playlistOf(1) }])

  one.downloads.limitTo(shelves.bytes + OFFER.bytes + SEGMENT.length)
  expect(pack && one.downloads.whyNotRenew(pack)).toBeNull()
})

it('an edition that somebody watches stays until he has let go of it', async () => {
  const { one, other } = await twoWithOutdated()
  const watched = (await stored())[0]?.shelf ?? ''
  const letGo = other.device.holdShelf(watched)
  await one.downloads.renew('li.1')
  expect(one.downloads.of('1')?.edition).toBe(server.playlistOf(2))
  expect([keptOf(1).length, keptOf(2).length]).toEqual([SEGMENTS.length, SEGMENTS.length])

  await page() // who tidies up leaves it alone, too
  expect(keptOf(1).length).toBe(SEGMENTS.length)
  letGo()
  await vi.waitFor(() => expect(keptOf(1)).toEqual([]))
})

it('what stays for somebody who watches it takes its part of the limit until he has let go of it', async () => {
  const { one, other } = await twoWithOutdated()
  const letGo = other.device.holdShelf((await stored())[0]?.shelf ?? '')
  await one.downloads.renew('li.1')
  expect(one.downloads.total).toBe(shelves.bytes)
  one.downloads.limitTo(shelves.bytes + OFFER.bytes - 1)
  expect(one.downloads.why('2', OFFER.bytes)).toBe('limit')

  server.edition = 3
  await one.downloads.lookAll()
  await one.downloads.renew('li.1')
  expect(shelves.bytes).toBeLessThanOrEqual(one.downloads.limitBytes)

  letGo()
  await vi.waitFor(() => expect(keptOf(1)).toEqual([]))
  await one.downloads.renew('li.1')
  expect(one.downloads.of('1')?.edition).toBe(server.playlistOf(3))
})
