// Who watches a lesson goes on where he was when it is made again and what he watched is gone.
// @vitest-environment happy-dom
import { createPinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type App, createApp, defineComponent, h, nextTick, ref, shallowRef } from 'vue'
import type { Lesson } from '@/api/types'
import { useVod, type Vod } from './use-vod'

const edition = (number: number) => `/files/public/assets/a/${number}/master.m3u8`
const LESSON = { id: 'l1', duration_ms: 600_000, bytes: 1, position_ms: 0, reached_ms: 0, playlist_url: edition(1), renditions: [], sounds: [] } as unknown as Lesson

let app: App
let vod: Vod
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
  const Player = defineComponent(() => {
    const element = ref<HTMLVideoElement | null>(null)
    vod = useVod(lesson, element, shallowRef(null))
    return () => h('video', { ref: element })
  })
  app = createApp(Player)
  app.use(createPinia())
  const root = document.createElement('div')
  app.mount(root)
  video = root.querySelector('video') as HTMLVideoElement
})
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
  lesson.value = { ...LESSON, playlist_url: edition(2), inserts: [{ at_ms: 30_000, length_ms: 8_000 }, { at_ms: 100_000, length_ms: 5_000 }] }
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
