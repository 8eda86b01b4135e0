// Fetches the files of one pack, a few at a time; what is there already is not fetched again.
import { lessons, quizzes, subtitles } from '@/api'
import { asApiError } from '@/api/errors'
import type { Lesson } from '@/api/types'
import { packFiles, packs } from './device'
import { type Offer, soundName } from '@/features/lesson/quality'
import { keepPlayer } from '@/lib/service-worker'
import { fetchFile, type OnBytes, PackTrouble } from './fetch-file'
import { besideBytes, insertsOf, masterUrl, missingOf, type Pack, shelfOf, type Trouble } from './pack'
import { absolute, filesOf, masterOfOne, readMaster } from './playlists'

const AT_ONCE = 3 // a weak line is not faster with more, and a far one is slow with one
const NOTE_EVERY = 8 // files, between two looks that survive a closed page
const MOST_ROUNDS = 3 // until a browser that throws files away is not believed any more
const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl'

export interface LoadHooks {
  signal: AbortSignal
  /** Something more is there. */
  onLoaded: (pack: Pack) => void
  /** So much came over the line, whether it is kept or not. */
  onBytes: OnBytes
  /** Whether more may be fetched. Throws PackTrouble. */
  mayFetch: (loadedBytes: number) => void
  /** Whether this device may keep so much of it. Throws PackTrouble. */
  mayKeep: (loadedBytes: number) => void
}

type Line = Pick<LoadHooks, 'signal' | 'onBytes'>

export function newPack(id: string, ownerId: string | null, lesson: Lesson, { name, quality, bytes }: Offer, now: number): Pack {
  return {
    id, shelf: `${id}.${now}`, ownerId, lesson, name, quality, bytes, edition: lesson.playlist_url ?? '', playUrl: '', loadedBytes: 0, state: 'loading',
    trouble: null, isOutdated: false, files: [], subtitles: null, quiz: null, keptAt: now,
  }
}

/** What belongs to the lesson beside its video. Small, and read from the server: never from a cache. */
async function companions(lesson: Lesson, { signal, onBytes }: Line): Promise<Pick<Pack, 'subtitles' | 'quiz'>> {
  const [lines, text, quiz] = await Promise.all([
    lesson.subtitles_url ? subtitles.lines(lesson.id, { signal }) : [],
    lesson.subtitles_url ? fetchFile(lesson.subtitles_url, signal, onBytes).then((file) => file.text()) : '',
    quizzes.get(lesson.id, { signal }),
  ])
  return { subtitles: lesson.subtitles_url ? { text, lines } : null, quiz: quiz.questions.length > 0 ? quiz : null }
}

/** What is there of a pack: nothing more comes onto its shelf than this device may keep. */
class Shelf {
  private constructor(
    private readonly name: string,
    private readonly mayKeep: LoadHooks['mayKeep'],
    readonly files: Map<string, number>,
    public bytes: number,
  ) {}

  static async of(pack: Pack, mayKeep: LoadHooks['mayKeep']): Promise<Shelf> {
    const files = await packFiles.there(shelfOf(pack))
    return new Shelf(shelfOf(pack), mayKeep, files, [...files.values()].reduce((sum, bytes) => sum + bytes, besideBytes(pack)))
  }

  /** Counts before it waits: several files come at once. */
  count(bytes: number): void {
    this.mayKeep(this.bytes + bytes)
    this.bytes += bytes
  }

  async put(path: string, body: Blob): Promise<void> {
    this.count(body.size - (this.files.get(path) ?? 0))
    this.files.set(path, body.size)
    await packFiles.put(this.name, path, body)
  }
}

/** Which files make up a rendition; keeps its playlists at once. */
async function planned(pack: Pack, shelf: Shelf, { signal, onBytes, onLoaded }: Line & Pick<LoadHooks, 'onLoaded'>): Promise<Pack> {
  const { lesson } = pack
  const keepPlaylist = async (path: string, text: string) => {
    await shelf.put(path, new Blob([text], { type: PLAYLIST_TYPE }))
    onLoaded({ ...pack, loadedBytes: shelf.bytes })
  }
  const playlists: string[] = []
  let playUrl = lesson.sounds.find(({ name }) => soundName(name) === pack.name)?.playlist_url ?? null
  if (playUrl) playlists.push(playUrl)
  else {
    const text = await (await fetchFile(pack.edition, signal, onBytes)).text()
    const variant = readMaster(text, pack.edition).find(({ name }) => name === pack.name)
    if (!variant) throw new PackTrouble('gone')
    playUrl = masterUrl(shelfOf(pack))
    await keepPlaylist(playUrl, masterOfOne(text, pack.edition, variant))
    playlists.push(variant.url, ...(variant.soundUrl ? [variant.soundUrl] : []))
  }
  const files: string[] = []
  for (const url of playlists) {
    const text = await (await fetchFile(url, signal, onBytes)).text()
    await keepPlaylist(url, text)
    files.push(url, ...filesOf(text, url))
  }
  files.push(...[lesson.poster_url, lesson.waveform_url].flatMap((url) => (url ? absolute(url, url) : [])))
  const beside = await companions(lesson, { signal, onBytes })
  shelf.count(besideBytes(beside))
  return { ...pack, ...beside, playUrl, files }
}

/** Another page has stopped or removed it, or begun it anew. */
export class TakenOver extends Error {}

async function noted(pack: Pack): Promise<Pack> {
  const now = await packs.note(pack)
  if (!now) throw new TakenOver()
  return now
}

/** Loads until all is there, and says so only when it has seen it on the shelf. Rejects with PackTrouble, TakenOver, or AbortError when it was stopped. */
export async function loadPack(pack: Pack, hooks: LoadHooks): Promise<Pack> {
  if (pack.ownerId) await startClock(pack.ownerId, pack.lesson)
  if (!(await keepPlayer())) throw new PackTrouble('network')
  let now = pack
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    now = await loadMissing(now, hooks)
    const there = await packFiles.there(shelfOf(now))
    if (missingOf([now.playUrl, ...now.files], there).length === 0) return { ...now, state: 'ready', trouble: null }
  }
  throw new PackTrouble('full') // what is put on the shelf does not stay there
}

async function loadMissing(pack: Pack, { signal, onLoaded, onBytes, mayFetch, mayKeep }: LoadHooks): Promise<Pack> {
  const shelf = await Shelf.of(pack, mayKeep)
  let now = shelf.files.has(pack.playUrl) ? pack : await planned(pack, shelf, { signal, onBytes, onLoaded })
  now = await noted({ ...now, loadedBytes: shelf.bytes })
  onLoaded(now)
  const missing = missingOf(now.files, shelf.files)
  let fetchedFiles = 0
  const fetchOne = async (path: string): Promise<void> => {
    mayFetch(shelf.bytes)
    await shelf.put(path, await fetchFile(path, signal, onBytes))
    now = { ...now, loadedBytes: shelf.bytes }
    onLoaded(now)
    fetchedFiles += 1
    if (fetchedFiles % NOTE_EVERY === 0 && !signal.aborted) await noted(now)
  }
  const fetchNext = async (): Promise<void> => {
    try {
      for (let path = missing.shift(); path !== undefined; path = missing.shift()) await fetchOne(path)
    } catch (error) {
      missing.length = 0 // the others end after the file that they are at
      throw error
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, fetchNext))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return now
}

/** The server believes what the time since the first report allowed. */
async function startClock(learner_id: string, lesson: Lesson): Promise<void> {
  await lessons.reportProgress(lesson.id, { learner_id, position_ms: lesson.position_ms, intervals: [], inserts: insertsOf(lesson) })
}

export function troubleOf(error: unknown): Trouble {
  if (error instanceof PackTrouble) return error.trouble
  if (error instanceof DOMException && error.name === 'QuotaExceededError') return 'full'
  return asApiError(error).code === 'not_found' ? 'gone' : 'network'
}
