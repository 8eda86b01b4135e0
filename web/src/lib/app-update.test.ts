// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { isPageMissing, mayTakeFor, openAnew, pageOpened, takeNewVersion } from './app-update'
import { goOnAir } from './on-air'
import { keepPlayer } from './service-worker'

class Worker extends EventTarget {
  state: ServiceWorkerState = 'installing'
  readonly told: unknown[] = []
  postMessage(message: unknown): void {
    this.told.push(message)
  }
  become(state: ServiceWorkerState): void {
    this.state = state
    this.dispatchEvent(new Event('statechange'))
  }
}

function have(serviceWorker: unknown): void {
  Object.defineProperty(navigator, 'serviceWorker', { value: serviceWorker, configurable: true })
}

beforeEach(() => {
  sessionStorage.clear()
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  Reflect.deleteProperty(navigator, 'serviceWorker')
})

it('knows a page that the server has no more by the words of each browser', () => {
  const words = ['Failed to fetch dynamically imported module: /assets/a.js', 'error loading dynamically imported module: /assets/a.js', 'Importing a module script failed.', 'Unable to preload CSS for /assets/a.css']
  expect(words.map((text) => isPageMissing(new TypeError(text)))).toEqual([true, true, true, true])
  expect(isPageMissing(new Error('sign_in_required'))).toBe(false)
})

it('takes a new version by itself once for a page, and again after one has opened', () => {
  expect([mayTakeFor('/cart'), mayTakeFor('/cart')]).toEqual([true, false])
  pageOpened()
  expect(mayTakeFor('/cart')).toBe(true)
})

it('waits as long as a weak line needs, then opens the page that was on its way', async () => {
  const next = new Worker()
  have({ getRegistration: async () => ({ update: async () => undefined, waiting: null, installing: next }) })
  const reload = vi.spyOn(window.location, 'reload').mockImplementation(() => undefined)
  void takeNewVersion('/cart')
  await vi.advanceTimersByTimeAsync(45_000)
  expect(reload).not.toHaveBeenCalled()
  next.become('installed')
  expect(next.told).toEqual([{ type: 'SKIP_WAITING' }])
  next.become('activated')
  await vi.advanceTimersByTimeAsync(0)
  expect(reload).toHaveBeenCalledOnce()
  expect(window.location.pathname).toBe('/cart')
})

it('opens a page that broke anew without asking for another version', () => {
  const next = new Worker()
  next.state = 'installed'
  have({ getRegistration: async () => ({ update: async () => undefined, waiting: next, installing: null }) })
  const reload = vi.spyOn(window.location, 'reload').mockImplementation(() => undefined)
  reload.mockClear()
  openAnew('/orders')
  expect([reload.mock.calls.length, window.location.pathname, next.told]).toEqual([1, '/orders', []])
})

it('keeping the player comes to an end where the service worker was refused', async () => {
  have({ ready: new Promise(() => undefined) })
  const kept = keepPlayer()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await kept).toBe(false)
})

it('waits while a page of this browser broadcasts, and changes nothing under it', async () => {
  const held: LockInfo[] = []
  const request = vi.fn((name: string, _options: LockOptions, work: () => Promise<void>) => {
    const lock = { name }
    held.push(lock)
    return work().then(() => held.splice(held.indexOf(lock), 1))
  })
  Object.defineProperty(navigator, 'locks', { value: { request, query: async () => ({ held }) }, configurable: true })
  const waiting = new Worker()
  waiting.state = 'installed'
  have({ getRegistration: async () => ({ update: async () => undefined, waiting, installing: null }) })
  const reload = vi.spyOn(window.location, 'reload').mockImplementation(() => undefined)
  reload.mockClear()

  const leave = goOnAir()
  expect(await takeNewVersion()).toBe(false)
  expect([waiting.told, reload.mock.calls.length]).toEqual([[], 0])

  leave()
  await vi.advanceTimersByTimeAsync(0)
  const taken = takeNewVersion()
  await vi.advanceTimersByTimeAsync(0)
  waiting.become('activated')
  expect(await taken).toBe(true)
  expect(waiting.told).toEqual([{ type: 'SKIP_WAITING' }])
  Reflect.deleteProperty(navigator, 'locks')
})
