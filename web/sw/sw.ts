// The service worker: the page itself opens without a network, and kept lessons are read from the device. No answer of the API is ever kept.
import { clientsClaim } from 'workbox-core'
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching'
import { NavigationRoute, registerRoute } from 'workbox-routing'

declare const self: ServiceWorkerGlobalScope

/** What the server does not answer with the page (see server/pages.py), and single files. */
const NOT_THE_PAGE = [/^\/(api|files|internal|sandbox|socket\.io|packs|healthz|readyz|metrics)(\/|$)/, /\/[^/]+\.[^/]+$/]
/** As large as all of the page: kept only where lessons are kept. */
const PLAYER = /^\/assets\/hls-/
const PLAYER_CACHE = 'player'

const files = self.__WB_MANIFEST.map((entry) => (typeof entry === 'string' ? { url: entry, revision: null } : entry))
const playerUrl = files.find(({ url }) => PLAYER.test(url))?.url

precacheAndRoute(files.filter(({ url }) => url !== playerUrl))
cleanupOutdatedCaches()
registerRoute(new NavigationRoute(createHandlerBoundToURL('/index.html'), { denylist: NOT_THE_PAGE }))

// These never change under their address: what is on the device is as good as what the server has.
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && (/^\/(files\/public|packs)\//.test(url.pathname) || url.pathname === playerUrl),
  async ({ request, url }) => {
    const kept = await caches.match(url.pathname).catch(() => undefined) // storage that fails is no reason not to play
    if (kept) return kept
    return url.pathname.startsWith('/packs/') ? new Response(null, { status: 404 }) : fetch(request)
  },
)

async function keepPlayer(): Promise<void> {
  const cache = await caches.open(PLAYER_CACHE)
  if (playerUrl && !(await cache.match(playerUrl))) await cache.add(playerUrl)
}

/** Where lessons are kept, a new version brings its player along before it takes over. */
async function keepPlayerAgain(): Promise<void> {
  if (await caches.has(PLAYER_CACHE)) await keepPlayer()
}

async function dropOlderPlayers(): Promise<void> {
  if (!(await caches.has(PLAYER_CACHE))) return
  const cache = await caches.open(PLAYER_CACHE)
  for (const request of await cache.keys()) if (new URL(request.url).pathname !== playerUrl) await cache.delete(request)
}

self.addEventListener('install', (event) => event.waitUntil(keepPlayerAgain()))
self.addEventListener('activate', (event) => event.waitUntil(dropOlderPlayers()))

self.addEventListener('message', (event) => {
  const { type } = (event.data ?? {}) as { type?: string }
  // A new version waits until somebody wants it: a page must not change under a broadcast.
  if (type === 'SKIP_WAITING') void self.skipWaiting()
  if (type === 'KEEP_PLAYER') {
    const answer = (kept: boolean) => event.ports[0]?.postMessage(kept)
    event.waitUntil(keepPlayer().then(() => answer(true), () => answer(false)))
  }
})
clientsClaim()
