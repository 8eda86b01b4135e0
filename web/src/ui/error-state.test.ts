// What could not be opened leads on: to try again, or to where others like it are.
// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import { createApp, defineComponent, h, provide } from 'vue'
import { createMemoryHistory, routeLocationKey, type RouteLocationNormalizedLoaded } from 'vue-router'
import { ApiError } from '@/api/errors'
import { i18n, loadMoreWords } from '@/i18n'
import { makeRouter } from '@/router'
import ErrorState from './ErrorState.vue'

/** What the page offers at this address when it fails so: where its button leads, or its words. */
async function offered(path: string, code: string): Promise<string | undefined> {
  const router = makeRouter(createMemoryHistory())
  await loadMoreWords()
  const page = defineComponent(() => {
    provide(routeLocationKey, router.resolve(path) as RouteLocationNormalizedLoaded) // without loading the page that is there
    return () => h(ErrorState, { error: new ApiError(code) })
  })
  const app = createApp(page).use(router).use(i18n)
  const element = document.createElement('div')
  app.mount(element)
  const leads = element.querySelector('a')?.getAttribute('href') ?? element.querySelector('button')?.textContent?.trim()
  app.unmount()
  return leads
}

it.each([
  ['/lessons/nope', 'not_found', '/learn'],
  ['/courses/nope', 'not_found', '/learn'],
  ['/halls/nope', 'not_found', '/halls'],
  ['/nowhere', 'not_found', '/'],
  ['/lessons/nope', 'not_allowed', '/learn'],
  ['/lessons/nope', 'offline', '再试一次'],
] as const)('at %s, %s leads to %s', async (path, code, leads) => {
  expect(await offered(path, code)).toBe(leads)
})
