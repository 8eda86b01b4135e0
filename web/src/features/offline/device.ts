// What this device keeps: packs and unsent progress in IndexedDB, the packs' files (which anybody may read) in Cache Storage.
import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import type { Interval } from '@/api/types'
import type { Watched } from '@/features/lesson/watched'
import { ON_DEVICE } from '@/media/loaded-bytes'
import { type Pack, renewedId, shelfOf } from './pack'

/** What somebody watched in a lesson that the server does not know yet. */
export interface WatchedHere {
  userId: string
  lessonId: string
  positionMs: number | null
  intervals: Interval[]
  /** So many had been put into what was watched; unknown of what older pages have kept. */
  inserts?: number
  /** What was watched of its other edition, before that. */
  before?: Watched | undefined
  changedAt: number
}

interface Schema extends DBSchema {
  packs: { key: string; value: Pack }
  watched: { key: [userId: string, lessonId: string]; value: WatchedHere }
}

const NAME = 'dongting'
const VERSION = 1
const CACHE = 'pack.'

let opening: Promise<IDBPDatabase<Schema>> | null = null

export function database(): Promise<IDBPDatabase<Schema>> {
  opening ??= openDB<Schema>(NAME, VERSION, {
    upgrade(db) {
      db.createObjectStore('packs', { keyPath: 'id' })
      db.createObjectStore('watched', { keyPath: ['userId', 'lessonId'] })
    },
    terminated: () => (opening = null),
  }).catch((error: unknown) => {
    opening = null // the next one tries again
    throw error
  })
  return opening
}

/** Lessons can be kept: storage, a service worker that plays from it, and a player that reads through it. */
export function canKeep(): boolean {
  const hasPlayer = 'MediaSource' in window || 'ManagedMediaSource' in window // iPhones from iOS 17.1 on
  return 'caches' in window && 'indexedDB' in window && 'serviceWorker' in navigator && hasPlayer
}

/** What the page shows is wrapped, and a wrapped thing can't be stored. */
const plain = (pack: Pack): Pack => JSON.parse(JSON.stringify(pack)) as Pack

/** Other pages hear of a pack that became another here; a browser without it shows what it has read. */
const pages = 'BroadcastChannel' in globalThis ? new BroadcastChannel('packs') : null
const tellPages = (id: string): void => pages?.postMessage(id)

export const packs = {
  all: async (): Promise<Pack[]> => (await database()).getAll('packs'),
  get: async (id: string): Promise<Pack | undefined> => (await database()).get('packs', id),
  put: async (pack: Pack): Promise<void> => {
    await (await database()).put('packs', plain(pack))
    tellPages(pack.id)
  },
  /** Changes what is kept in one step: what another page has written meanwhile is not lost. Gives what is kept now. */
  change: async (id: string, how: (pack: Pack) => Pack | undefined): Promise<Pack | undefined> => {
    const transaction = (await database()).transaction('packs', 'readwrite')
    const pack = await transaction.store.get(id)
    const next = pack && how(pack)
    if (next) await transaction.store.put(plain(next))
    await transaction.done
    if (next) tellPages(id)
    return next
  },
  /** Notes how far a download is. Undefined: another page has stopped or removed it, or begun it anew. */
  note: (pack: Pack): Promise<Pack | undefined> =>
    packs.change(pack.id, (stored) =>
      stored.state === 'loading' && shelfOf(stored) === shelfOf(pack) ? { ...pack, lesson: stored.lesson, isOutdated: stored.isOutdated, newBytes: stored.newBytes } : undefined,
    ),
  remove: async (pack: Pack): Promise<void> => {
    await (await database()).delete('packs', pack.id)
    await packFiles.empty(shelfOf(pack))
    tellPages(pack.id)
  },
  /** A renewal that is whole takes its pack's place in one step. Gives what is kept now; undefined: the pack is not there any more. */
  takePlace: async (renewal: Pack): Promise<Pack | undefined> => {
    const transaction = (await database()).transaction('packs', 'readwrite')
    const old = await transaction.store.get(renewedId(renewal.id))
    const next = old && { ...plain(renewal), id: old.id }
    if (next) await transaction.store.put(next)
    await transaction.store.delete(renewal.id)
    await transaction.done
    await packFiles.drop(shelfOf(old ?? renewal))
    for (const id of [renewal.id, renewedId(renewal.id)]) tellPages(id)
    return next
  },
  /** Is told which pack another page has changed. */
  onChange: (heard: (id: string) => void): void => pages?.addEventListener('message', ({ data }: MessageEvent<string>) => heard(data)),
}

export const packFiles = {
  open: (shelf: string): Promise<Cache> => caches.open(CACHE + shelf),
  /** Paths of what is there, with their bytes. */
  there: async (shelf: string): Promise<Map<string, number>> => {
    const cache = await packFiles.open(shelf)
    const found = new Map<string, number>()
    for (const request of await cache.keys()) {
      const kept = await cache.match(request)
      found.set(new URL(request.url).pathname, Number(kept?.headers.get('Content-Length') ?? 0))
    }
    return found
  },
  put: async (shelf: string, path: string, body: Blob): Promise<void> => {
    const headers = { 'Content-Type': body.type, 'Content-Length': String(body.size), [ON_DEVICE]: '1' }
    await (await packFiles.open(shelf)).put(path, new Response(body, { headers }))
  },
  empty: (shelf: string): Promise<boolean> => caches.delete(CACHE + shelf),
  /** Empties a shelf unless somebody watches what is on it: then `tidy` does, later. */
  drop: (shelf: string): Promise<boolean> => alone(readerOf(shelf), async () => void (await packFiles.empty(shelf))),
  /** Drops what no pack knows of: a page may have been closed between two steps. Gives the bytes of what stays because somebody watches it. */
  tidy: async (): Promise<number> => {
    const names = (await caches.keys()).filter((name) => name.startsWith(CACHE)) // before the packs: a new one is noted before its files come
    const known = new Set((await packs.all()).map((pack) => CACHE + shelfOf(pack)))
    let watchedBytes = 0
    for (const name of names) {
      const shelf = name.slice(CACHE.length)
      if (known.has(name) || (await packFiles.drop(shelf))) continue
      for (const bytes of (await packFiles.there(shelf)).values()) watchedBytes += bytes
    }
    return watchedBytes
  },
}

/** What the browser would still take; without an answer it is tried. */
export async function freeBytes(): Promise<number> {
  const estimate = await navigator.storage?.estimate?.().catch(() => null)
  return estimate?.quota === undefined ? Number.POSITIVE_INFINITY : Math.max(0, estimate.quota - (estimate.usage ?? 0))
}

/** One page of the browser does it at a time; false: another one is at it. */
export async function alone(name: string, work: () => Promise<void>): Promise<boolean> {
  if (!navigator.locks) return work().then(() => true)
  return navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock) await work()
    return lock !== null
  })
}

/** Does it when no other page is at it any more; not at all when the signal comes first. */
export async function inTurn(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  if (!navigator.locks) return work()
  await navigator.locks.request(name, { signal }, work).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

const readerOf = (shelf: string) => `shelf.${shelf}`

/** A shelf from which somebody plays stays as it is until he lets go of it, also when its pack was renewed. `held` is called when it is sure. */
export function holdShelf(shelf: string, held = (): void => undefined): () => void {
  let letGo = (): void => undefined
  const watching = new Promise<void>((resolve) => (letGo = resolve))
  const tidy = () => packFiles.tidy().catch(() => undefined) // the next visit tries again
  const hold = (): Promise<void> => {
    held()
    return watching
  }
  void navigator.locks?.request(readerOf(shelf), { mode: 'shared' }, hold).then(tidy)
  return letGo
}
