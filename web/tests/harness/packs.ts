// What downloads need around them: Cache Storage and locks as browsers have them (Node has none), and a server with one lesson.
import type { Lesson } from '@/api/types'

export const SEGMENTS = ['init.mp4', '0.m4s', '1.m4s', '2.m4s', '3.m4s', '4.m4s']
export const SEGMENT = 'x'.repeat(1_000)
export const OFFER = { name: '144p', quality: 144, bytes: SEGMENTS.length * SEGMENT.length } as const

/** What a browser's Cache Storage does for packs. */
export class Shelves {
  private readonly all = new Map<string, Map<string, Response>>()

  async open(name: string) {
    const shelf = this.all.get(name) ?? new Map<string, Response>()
    this.all.set(name, shelf)
    const pathOf = (of: string | { url: string }) => new URL(typeof of === 'string' ? of : of.url, 'http://here').pathname
    return {
      put: async (path: string, response: Response) => void shelf.set(pathOf(path), response),
      match: async (of: string | { url: string }) => shelf.get(pathOf(of)),
      keys: async () => [...shelf.keys()].map((path) => ({ url: `http://here${path}` })),
    }
  }

  async delete(name: string) {
    return this.all.delete(name)
  }

  async keys() {
    return [...this.all.keys()]
  }

  /** What can be read without a network. */
  paths(): string[] {
    return [...this.all.values()].flatMap((shelf) => [...shelf.keys()])
  }

  get bytes(): number {
    const all = [...this.all.values()].flatMap((shelf) => [...shelf.values()])
    return all.reduce((sum, file) => sum + Number(file.headers.get('Content-Length')), 0)
  }

  /** The browser, or its owner, takes a file away. */
  async lose(path: string) {
    for (const shelf of this.all.values()) shelf.delete(path)
  }
}

interface Waiting {
  mode: 'exclusive' | 'shared'
  begin: () => void
}

/** `navigator.locks`: one holder or several sharing ones, the others in their order. */
export class Locks {
  private readonly held = new Map<string, Waiting['mode'][]>()
  private readonly queues = new Map<string, Waiting[]>()

  async request<T>(name: string, ...rest: [LockOptions, (lock: object | null) => Promise<T> | T] | [(lock: object | null) => Promise<T> | T]): Promise<T> {
    const [options, work] = rest.length === 2 ? rest : [{} as LockOptions, rest[0]]
    if (options.signal?.aborted) throw options.signal.reason
    const mode = options.mode ?? 'exclusive'
    const queue = this.queues.get(name) ?? []
    this.queues.set(name, queue)
    if (!this.isFree(name, mode) || queue.length > 0) {
      if (options.ifAvailable) return work(null)
      await this.waited({ mode, begin: () => undefined }, queue, options.signal)
    }
    const holders = this.held.get(name) ?? []
    this.held.set(name, holders)
    holders.push(mode)
    this.letIn(name)
    try {
      return await work({ name, mode })
    } finally {
      holders.splice(holders.indexOf(mode), 1)
      this.letIn(name)
    }
  }

  private isFree(name: string, mode: Waiting['mode']): boolean {
    const holders = this.held.get(name) ?? []
    return holders.length === 0 || (mode === 'shared' && !holders.includes('exclusive'))
  }

  private letIn(name: string): void {
    const queue = this.queues.get(name) ?? []
    const [next] = queue
    if (next && this.isFree(name, next.mode)) {
      queue.shift()
      next.begin()
    }
  }

  private waited(one: Waiting, queue: Waiting[], signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      one.begin = resolve
      queue.push(one)
      signal?.addEventListener('abort', () => {
        const at = queue.indexOf(one)
        if (at >= 0) queue.splice(at, 1)
        reject(signal.reason as Error)
      })
    })
  }
}

function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } })
}

/** A server with one lesson; only the newest edition's files are there. */
export class LessonServer {
  signedIn: string | null = 'li'
  edition = 1
  /** What it says that the lesson takes. */
  bytes: number = OFFER.bytes
  fetched: string[] = []
  /** What it answers instead. */
  answer: (path: string) => Promise<Response | undefined> | Response | undefined = () => undefined

  playlistOf = (of: number) => `/files/e${of}/master.m3u8`

  lesson(): Lesson {
    return {
      id: '1', title: `剪枝 ${this.edition}`, state: 'ready', playlist_url: this.playlistOf(this.edition), position_ms: 0, watched_ms: 0, reached_ms: 0, intervals: [], done: false,
      renditions: [{ name: '144p', height: 144, width: 256, bytes: this.bytes }], sounds: [], subtitles_url: null, poster_url: null, waveform_url: null,
    } as unknown as Lesson
  }

  /** Names of the segments that were asked for, in order. */
  segments = () => this.fetched.filter((path) => !path.endsWith('.m3u8')).map((path) => path.split('/').at(-1))

  fetch = async (path: string): Promise<Response> => {
    if (path === '/api/session') return json({ user: this.signedIn && { id: this.signedIn, roles: [] } })
    if (path.endsWith('/quiz')) return json({ questions: [] })
    if (path.startsWith('/api/lessons/1')) return json(this.lesson())
    this.fetched.push(path)
    const other = await this.answer(path)
    if (other) return other
    if (!path.startsWith(`/files/e${this.edition}/`)) return new Response('', { status: 404 })
    if (path.endsWith('master.m3u8')) return new Response('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=80000\n144p/index.m3u8\n')
    if (path.endsWith('index.m3u8')) {
      const [init, ...segments] = SEGMENTS
      return new Response(`#EXTM3U\n#EXT-X-MAP:URI="${init}"\n${segments.map((uri) => `#EXTINF:4,\n${uri}`).join('\n')}\n`)
    }
    return new Response(SEGMENT)
  }
}

/** The service worker keeps the player when it is asked to. */
export function serviceWorkerThatKeeps(): object {
  const active = { postMessage: (_: unknown, [port]: MessagePort[]) => port?.postMessage(true) }
  return { ready: Promise.resolve({ active }) }
}
