// Starts the page: stores, words, routes, then the shell.
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n } from './i18n'
import { usePreferences } from './lib/preferences'
import { useSession } from './lib/session'
import { makeRouter } from './router'
import './ui/tokens.css'
import './ui/base.css'

const IDLE_PATIENCE_MS = 3_000 // what a page shows first goes first

async function start(): Promise<void> {
  const app = createApp(App)
  app.use(createPinia())
  app.use(i18n)
  const preferences = usePreferences()
  // A page in the wrong language is better than none: without the words it stays Chinese.
  await preferences.speak(preferences.locale).catch(() => undefined)
  // Who is signed in is asked at once, and shown when known; pages that need it wait for it in their guard.
  useSession().ensure().catch(() => undefined)
  app.use(makeRouter())
  app.mount('#app')
  whenIdle(() => void import('./features/offline/boot').then(({ startOffline }) => startOffline()))
}

/** Safari has no word for it. */
function whenIdle(work: () => void): void {
  if ('requestIdleCallback' in window) window.requestIdleCallback(work, { timeout: IDLE_PATIENCE_MS })
  else setTimeout(work, IDLE_PATIENCE_MS)
}

void start()
