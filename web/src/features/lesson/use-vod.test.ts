// Who watches a lesson goes on where he was when it is made again and what he watched is gone.
// @vitest-environment happy-dom
import { createPinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type App, createApp, defineComponent, h, nextTick, ref, shallowRef } from 'vue'
import type { Interval, Lesson } from '@/api/types'
import type { Pack } from '@/features/offline/pack'
import { useSession } from '@/lib/session'
import { useVod, type Vod } from './use-vod'
import { Locks } from '../../../tests/harness/packs'

const edition = (number: number) => `/files/public/assets/a/${number}/master.m3u8`
const LESSON = { id: 'l1', duration_ms: 600_000, bytes: 1, position_ms: 0, reached_ms: 0, playlist_url: edition(1), renditions: [], sounds: [] } as unknown as Lesson

const FILLED = [{ at_ms: 30_000, length_ms: 8_000 }, { at_ms: 100_000, length_ms: 5_000 }]
const KEPT = { id: 'li.l1', shelf: 'li.l1.1', state: 'ready', isOutdated: false, quality: 144, edition: edition(1), playUrl: '/packs/li.l1.1/master.m3u8', lesson: LESSON } as unknown as Pack

let app: App
let vod: Vod
let reports: { position_ms: number | null; intervals: Interval[]; inserts: number }[]
const pack = shallowRef<Pack | null>(null)
let video: HTMLVideoElement
const lesson = shallowRef(LESSON)

/** He has watched for half a minute, and then a segment is not there any more. */
async function breaksAt(seconds: number): Promise<void> {
  await vi.dynamicImportSettled()
  video.dispatchEvent(new Event('loadedmetadata'))
  video.dispatchEvent(new Event('playing'))
  video.currentTime = seconds
  video.dispatchEvent(new Event('timeupdate'))
  video.dispatchEvent(new Event('error'))
  expect(vod.state.value.kind).toBe('failed')
}

async function opened(): Promise<[string | null, number]> {
  await nextTick()
  await vi.dynamicImportSettled()
  video.dispatchEvent(new Event('loadedmetadata'))
  return [video.getAttribute('src'), video.currentTime]
}

beforeEach(() => {
  const media = HTMLMediaElement.prototype
  vi.spyOn(media, 'canPlayType').mockReturnValue('maybe') // no MSE here: the browser's own HLS
  vi.spyOn(media, 'play').mockResolvedValue()
  vi.spyOn(media, 'pause').mockReturnValue()
  vi.spyOn(media, 'load').mockReturnValue()
  lesson.value = LESSON
  pack.value = null
  reports = []
  vi.stubGlobal('fetch', async (path: string, { body }: RequestInit = {}) => {
    if (path === '/api/session') return Response.json({ user: { id: 'li', roles: [] } })
    reports.push(JSON.parse(String(body)) as (typeof reports)[number])
    return Response.json({ position_ms: 0, watched_ms: 0, reached_ms: 0, intervals: [], done: false })
  })
  Object.defineProperty(navigator, 'locks', { value: new Locks(), configurable: true })
  mount()
})

function mount(): void {
  const Player = defineComponent(() => {
    const element = ref<HTMLVideoElement | null>(null)
    vod = useVod(lesson, element, pack)
    return () => h('video', { ref: element })
  })
  app = createApp(Player)
  app.use(createPinia())
  const root = document.createElement('div')
  app.mount(root)
  video = root.querySelector('video') as HTMLVideoElement
}
afterEach(() => {
  app.unmount()
  vi.restoreAllMocks()
})

test('what failed goes on by itself in the edition that the lesson has by now', async () => {
  vod.start(60_000)
  await breaksAt(90)
  lesson.value = { ...LESSON, playlist_url: edition(2) }
  expect(await opened()).toEqual([edition(2), 90])
})

test('who watches a replay while it is filled goes on with what he was watching', async () => {
  vod.start(60_000)
  await breaksAt(90)
  lesson.value = { ...LESSON, playlist_url: edition(2), inserts: FILLED }
  expect(await opened()).toEqual([edition(2), 98])
})

test('a tap after a failure opens what the lesson has by now', async () => {
  vod.start(60_000)
  await opened()
  lesson.value = { ...LESSON, playlist_url: edition(2) }
  await nextTick()
  await breaksAt(90)
  vod.toggle()
  expect(await opened()).toEqual([edition(2), 90])
})

/** The picture runs from a place to another. */
function plays(fromSeconds: number, toSeconds: number): void {
  video.dispatchEvent(new Event('playing'))
  for (let at = fromSeconds; at <= toSeconds; at += 1) {
    video.currentTime = at
    video.dispatchEvent(new Event('timeupdate'))
  }
}

test('what was watched before a replay was filled is told with its places of then, and where he is with those of now', async () => {
  vi.spyOn(HTMLMediaElement.prototype, 'paused', 'get').mockReturnValue(false)
  await useSession().ensure()
  vod.start(60_000)
  await opened()
  plays(60, 62)
  lesson.value = { ...LESSON, playlist_url: edition(2), inserts: FILLED }
  await breaksAt(63)
  vod.toggle()
  await opened()
  plays(71, 73)
  app.unmount()
  await vi.waitFor(() => expect(reports.map((told) => [told.inserts, told.position_ms, told.intervals])).toEqual([[0, 60_000, []], [0, null, [[60_000, 63_000]]], [2, 73_000, [[71_000, 73_000]]]]))
})

test('where nothing may be skipped he gets as far in the filled replay as he had come, and no further', async () => {
  lesson.value = { ...LESSON, no_skip: true, reached_ms: 90_000 }
  app.unmount()
  mount()
  vod.start(90_000)
  await breaksAt(90)
  lesson.value = { ...lesson.value, playlist_url: edition(2), inserts: FILLED }
  await opened()
  vod.seek(200_000)
  expect([vod.reachedMs.value, vod.positionMs.value]).toEqual([98_000, 98_000])
})

test('what he watches on the device stays there until he leaves', async () => {
  pack.value = KEPT
  await nextTick()
  const empties = () => navigator.locks.request(`shelf.${KEPT.shelf}`, { ifAvailable: true }, (lock) => lock !== null)
  vod.start(0)
  await opened()
  pack.value = { ...KEPT, shelf: 'li.l1.2', edition: edition(2), playUrl: '/packs/li.l1.2/master.m3u8' }
  await nextTick()
  expect(await empties()).toBe(false)
  app.unmount()
  await vi.waitFor(async () => expect(await empties()).toBe(true))
})

test('what he watches on the device is held all the time when it is opened anew', async () => {
  const locks = new Locks()
  let letIn = (): void => undefined
  let asked = Promise.resolve()
  const request = (name: string, options: LockOptions, work: () => Promise<void>) => asked.then(() => locks.request(name, options, work))
  Object.defineProperty(navigator, 'locks', { value: { request }, configurable: true })
  const empties = () => locks.request(`shelf.${KEPT.shelf}`, { ifAvailable: true }, (lock) => lock !== null)
  pack.value = KEPT
  await nextTick()
  vod.start(0)
  await opened()
  asked = new Promise((resolve) => (letIn = resolve))
  vod.renew()
  await opened()
  expect(await empties()).toBe(false)
  letIn()
  await asked
  expect(await empties()).toBe(false)
  app.unmount()
  await vi.waitFor(async () => expect(await empties()).toBe(true))
})
