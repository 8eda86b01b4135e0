// What lies on the device stays its owner's, and stays whole, through a second page of the same browser.
// @vitest-environment happy-dom
import 'fake-indexeddb/auto'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, vi } from 'vitest'
import type { Interval, Lesson, LessonProgress } from '@/api/types'
import { useSession } from '@/lib/session'
import { database, packs } from './device'
import { useDownloads } from './downloads'
import type { Pack } from './pack'
import type { Watched } from '@/features/lesson/watched'
import { keepWatched, mergeWatched, watchedHere, withWatched } from './watched-later'

const PROGRESS: LessonProgress = { position_ms: 60_000, watched_ms: 60_000, reached_ms: 60_000, intervals: [[0, 60_000]], done: false }
const lesson = { id: '1', title: '剪枝', playlist_url: '/a.m3u8', position_ms: 0, watched_ms: 0, reached_ms: 0, intervals: [], done: false } as unknown as Lesson
const pack = (more: Partial<Pack> = {}): Pack => ({
  id: 'li.1', ownerId: 'li', lesson, name: '144p', quality: 144, edition: '/a.m3u8', playUrl: '/packs/li.1/master.m3u8', bytes: 8, loadedBytes: 0,
  state: 'loading', trouble: null, isOutdated: false, files: ['/a.m4s'], subtitles: null, quiz: null, keptAt: 0, ...more,
})

const watched = (ms: number, inserts = 0): Watched => ({ positionMs: ms, intervals: [[0, ms]], inserts })

let signedIn: string | null
const reports: { by: string | null; lesson: string; position_ms: number | null; inserts?: number; intervals: Interval[] }[] = []
let onReport: () => void

function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } })
}

function problem(status: number, code: string): Response {
  return new Response(JSON.stringify({ code }), { status, headers: { 'Content-Type': 'application/problem+json' } })
}

/** A server that takes a report of whoever is signed in when it comes, and nobody else's. */
async function server(path: string, { body }: RequestInit = {}): Promise<Response> {
  if (path === '/api/session') return json({ user: signedIn && { id: signedIn, roles: [] } })
  onReport()
  const { learner_id, ...told } = JSON.parse(String(body)) as { learner_id: string; position_ms: number | null; inserts?: number; intervals: Interval[] }
  if (learner_id !== signedIn) return problem(409, 'another_learner')
  reports.push({ by: signedIn, lesson: path.split('/')[3] ?? '', ...told })
  return json(PROGRESS)
}

beforeEach(async () => {
  localStorage.clear()
  reports.length = 0
  onReport = () => undefined
  signedIn = 'li'
  setActivePinia(createPinia())
  vi.stubGlobal('fetch', server)
  vi.stubGlobal('caches', { keys: async () => [], delete: async () => true })
  vi.stubGlobal('MediaSource', EventTarget)
  Object.defineProperty(navigator, 'serviceWorker', { value: {}, configurable: true })
  const db = await database()
  await Promise.all([db.clear('packs'), db.clear('watched')])
  await useSession().ensure()
})

const told = async () => undefined

it('tells nothing under the name of who has signed in meanwhile, and keeps it for its owner', async () => {
  await keepWatched('li', '1', watched(1_000))
  signedIn = 'wang'
  await mergeWatched('li', told)
  expect(reports).toEqual([])
  expect(await watchedHere('li', '1')).toBeDefined()
})

it('a report that races a sign-in counts for nobody else, and the rest is not told', async () => {
  await keepWatched('li', '1', watched(1_000))
  await keepWatched('li', '2', watched(1_000))
  onReport = () => (signedIn = 'wang')
  await mergeWatched('li', told)
  expect(reports).toEqual([])
  expect([await watchedHere('li', '1'), await watchedHere('li', '2')]).not.toContain(undefined)
})

it('what was told is forgotten, and the kept lesson goes on from what the server answered', async () => {
  await packs.put(pack({ state: 'ready' }))
  await keepWatched('li', '1', watched(60_000))
  await mergeWatched('li', useDownloads().told)
  expect(await watchedHere('li', '1')).toBeUndefined()
  expect((await packs.get('li.1'))?.lesson).toMatchObject({ title: '剪枝', ...PROGRESS })
  expect(useDownloads().of('1')?.lesson.reached_ms).toBe(60_000)
})

it('a page knows that another one signed in somebody else', async () => {
  const here = useSession()
  expect(here.isCurrent()).toBe(true)
  signedIn = 'wang'
  setActivePinia(createPinia())
  await useSession().ensure()
  expect(here.isCurrent()).toBe(false)
})

it('a pack that another page made ready stays ready when this one looks, resumes or pauses', async () => {
  await packs.put(pack())
  const here = useDownloads()
  await here.ready()
  await packs.put(pack({ state: 'ready', loadedBytes: 8 }))
  await here.looked({ ...lesson, title: '剪枝二' })
  expect(await packs.get('li.1')).toMatchObject({ state: 'ready', loadedBytes: 8, lesson: { title: '剪枝二' } })
  await packs.put(pack())
  setActivePinia(createPinia())
  await useSession().ensure()
  const again = useDownloads()
  await again.ready()
  await packs.put(pack({ state: 'ready', loadedBytes: 8 }))
  await again.pause('li.1')
  await again.resume()
  expect(await packs.get('li.1')).toMatchObject({ state: 'ready', loadedBytes: 8 })
  expect(again.of('1')?.state).toBe('ready')
})

it('what was watched before and after a replay was filled is told each with its own places', async () => {
  await keepWatched('li', '1', watched(1_000))
  await keepWatched('li', '1', watched(9_000, 2))
  await keepWatched('li', '1', watched(3_000))
  const here = await watchedHere('li', '1')
  expect([0, 2].map((inserts) => withWatched({ ...PROGRESS, intervals: [], reached_ms: 0 }, here, inserts).reached_ms)).toEqual([3_000, 9_000])
  await mergeWatched('li', told)
  expect(reports.map(({ inserts, intervals }) => [inserts, intervals])).toEqual([[2, [[0, 9_000]]], [0, [[0, 3_000]]]])
})

it('where he is is told of the edition that he watched last', async () => {
  await keepWatched('li', '1', watched(9_000, 2))
  await keepWatched('li', '1', watched(3_000))
  await keepWatched('li', '1', { ...watched(9_500, 2), positionMs: null })
  expect(withWatched(PROGRESS, await watchedHere('li', '1'), 2).position_ms).toBe(9_000)
  await mergeWatched('li', told)
  expect(reports.map(({ inserts, position_ms }) => [inserts, position_ms])).toEqual([[2, null], [0, 3_000]])
})

/** What a page has kept that knew of no editions yet. */
const keptBefore = async () => (await database()).put('watched', { userId: 'li', lessonId: '1', positionMs: 9_000, intervals: [[0, 9_000]], changedAt: 1 })

it('what was kept without saying of which edition is told without it', async () => {
  await keptBefore()
  expect(withWatched({ ...PROGRESS, intervals: [], reached_ms: 0 }, await watchedHere('li', '1'), 2)).toMatchObject({ position_ms: 9_000, reached_ms: 9_000 })
  await mergeWatched('li', told)
  expect(reports).toEqual([{ by: 'li', lesson: '1', position_ms: 9_000, intervals: [[0, 9_000]] }])
})

it('what was kept without saying of which edition is of the one that is watched on', async () => {
  await keptBefore()
  await keepWatched('li', '1', { positionMs: 12_000, intervals: [[9_000, 12_000]], inserts: 2 })
  await mergeWatched('li', told)
  expect(reports).toEqual([{ by: 'li', lesson: '1', position_ms: 12_000, intervals: [[0, 12_000]], inserts: 2 }])
})
