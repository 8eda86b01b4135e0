// The service worker of the page: registered when there is time, and a newer version taken when somebody wants it.
import { shallowRef } from 'vue'

/** A newer version lies ready. */
export const newVersion = shallowRef(false)

const LOOK_EVERY_MS = 60 * 60_000
const PATIENCE_MS = 10_000
const PLAYER_PATIENCE_MS = 60_000 // 180 kB over a weak line

export async function registerServiceWorker(): Promise<void> {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return
  const registration = await navigator.serviceWorker.register('/sw.js', { scope: '/' })
  const look = () => {
    // The very first one has nothing to take the place of.
    newVersion.value = registration.waiting !== null && navigator.serviceWorker.controller !== null
  }
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', look))
  look()
  setInterval(() => navigator.onLine && void registration.update().catch(() => undefined), LOOK_EVERY_MS)
}

/** Has the player of lessons kept on the device; false: it could not be loaded, or nobody is there to keep it. */
export async function keepPlayer(): Promise<boolean> {
  const { active } = await navigator.serviceWorker.ready
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data }) => resolve(data === true)
    setTimeout(() => resolve(false), PLAYER_PATIENCE_MS)
    active?.postMessage({ type: 'KEEP_PLAYER' }, [port2])
  })
}

/** Takes the newest version, also where a page of the old one can't be loaded any more, and opens the page again. */
export async function takeNewVersion(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration()
  if (registration && navigator.onLine) {
    await registration.update().catch(() => undefined)
    const next = registration.waiting ?? registration.installing
    if (next) await installedAndTaken(next)
  }
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
