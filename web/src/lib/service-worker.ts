// The service worker of the page: registered when there is time, looked after by the hour, and asked to keep the player.
import { newVersion } from './app-update'

const LOOK_EVERY_MS = 60 * 60_000
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
export function keepPlayer(): Promise<boolean> {
  return new Promise((resolve) => {
    // Where registering was refused nobody ever gets ready.
    setTimeout(() => resolve(false), PLAYER_PATIENCE_MS)
    void navigator.serviceWorker.ready.then(({ active }) => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = ({ data }) => resolve(data === true)
      active?.postMessage({ type: 'KEEP_PLAYER' }, [port2])
    })
  })
}
