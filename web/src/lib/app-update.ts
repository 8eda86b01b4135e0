// A newer version of the page: it lies ready, and is taken when somebody wants it, or when a page of the old one is gone.
import { shallowRef } from 'vue'
import { isOnAir } from './on-air'

/** A newer version lies ready. */
export const newVersion = shallowRef(false)

const PATIENCE_MS = 60_000 // all of a version over a weak line
const TAKEN_FOR = 'dongting.version.taken-for'
/** Chrome and Firefox, Safari, and Vite's own word for a style sheet. */
const MISSING = /dynamically imported module|Importing a module script failed|Unable to preload CSS/

/** A page's own files could not be loaded: after an update the server has the old version's no more. */
export function isPageMissing(error: unknown): boolean {
  return error instanceof Error && MISSING.test(error.message)
}

/** Whether the newest version may be taken for this page without asking: once, so that a page that is broken anyway does not turn for ever. */
export function mayTakeFor(path: string): boolean {
  if (!navigator.onLine) return false
  try {
    if (sessionStorage.getItem(TAKEN_FOR) === path) return false
    sessionStorage.setItem(TAKEN_FOR, path)
    return true
  } catch {
    return false // a browser that remembers nothing can't count to one
  }
}

/** A page has opened: the next one that is missing is another matter. */
export function pageOpened(): void {
  try {
    sessionStorage.removeItem(TAKEN_FOR)
  } catch {
    // nothing was kept
  }
}

/**
 * Takes the newest version, also where a page of the old one can't be loaded any more, and opens the page again, or the one that was on its way.
 * False: a page of this browser is broadcasting, and what it may still load of the old version stays until it has ended.
 */
export async function takeNewVersion(path?: string): Promise<boolean> {
  if (await isOnAir()) return false
  const registration = await navigator.serviceWorker?.getRegistration()
  if (registration && navigator.onLine) {
    await registration.update().catch(() => undefined)
    const next = registration.waiting ?? registration.installing
    if (next) await installedAndTaken(next)
  }
  openAnew(path)
  return true
}

/** Opens the page from the beginning, or the one that was on its way: with the version that it has. */
export function openAnew(path?: string): void {
  const { pathname, search, hash } = window.location
  if (path !== undefined && path !== pathname + search + hash) window.history.pushState(null, '', path)
  window.location.reload()
}

function installedAndTaken(next: ServiceWorker): Promise<void> {
  return new Promise((resolve) => {
    const step = () => {
      if (next.state === 'installed') next.postMessage({ type: 'SKIP_WAITING' })
      if (next.state === 'activated' || next.state === 'redundant') resolve()
    }
    next.addEventListener('statechange', step)
    setTimeout(resolve, PATIENCE_MS)
    step()
  })
}
