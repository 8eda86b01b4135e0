// Who opens the library without a network is led to what he has with him.
// @vitest-environment happy-dom
import 'fake-indexeddb/auto'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, expect, test, vi } from 'vitest'
import { type App, createApp } from 'vue'
import { createMemoryHistory } from 'vue-router'
import { packs } from '@/features/offline/device'
import type { Pack, PackState } from '@/features/offline/pack'
import { i18n, loadMoreWords } from '@/i18n'
import { makeRouter } from '@/router'
import { Shelves } from '../../../tests/harness/packs'
import LearnPage from './LearnPage.vue'

let app: App

/** The page without a network, when lessons are kept that are so far. */
async function open(...states: PackState[]): Promise<HTMLElement> {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')))
  vi.stubGlobal('caches', new Shelves())
  vi.stubGlobal('MediaSource', EventTarget)
  Object.defineProperty(navigator, 'serviceWorker', { value: {}, configurable: true })
  for (const [at, state] of states.entries()) await packs.put({ id: `guest.${at}`, ownerId: null, state, keptAt: at, bytes: 8, loadedBytes: 8, lesson: { id: String(at) } } as Pack)
  await loadMoreWords()
  const pinia = createPinia()
  setActivePinia(pinia)
  const router = makeRouter(createMemoryHistory())
  await router.push('/learn')
  const place = document.body.appendChild(document.createElement('div'))
  app = createApp(LearnPage).use(i18n).use(pinia).use(router)
  app.mount(place)
  await vi.waitFor(() => expect(place.querySelector('[data-testid=to-kept]')).not.toBeNull())
  return place
}

afterEach(() => {
  app.unmount()
  vi.unstubAllGlobals()
})

test('only what is whole counts as what he can watch there', async () => {
  const page = await open('ready', 'stopped', 'loading')

  expect(page.querySelector('[data-testid=to-kept]')?.textContent).toContain('1')
})
