// Files of the host's own recording on this device (IndexedDB): bounded, the oldest go first, all go after a week.
import { type DBSchema, type IDBPDatabase, openDB } from 'idb'

const DATABASE = 'dongting-own-recording'
const KEPT_MS = 7 * 24 * 3_600_000
const MOST_BYTES = 1_000_000_000
const STORAGE_SHARE = 0.25

export interface FileFacts {
  readonly streamId: string
  readonly startedMs: number
  readonly durationMs: number
  readonly bytes: number
}

type Key = [streamId: string, startedMs: number]

interface Schema extends DBSchema {
  /** Small, so that a list needs no videos. */
  facts: { key: Key; value: FileFacts; indexes: { startedMs: number } }
  videos: { key: Key; value: Blob }
}

export class OwnFiles {
  private constructor(private readonly database: IDBPDatabase<Schema>) {}

  /** Rejects where a browser keeps nothing (some private windows). */
  static async open(): Promise<OwnFiles> {
    const database = await openDB<Schema>(DATABASE, 1, {
      upgrade(fresh) {
        fresh.createObjectStore('facts', { keyPath: ['streamId', 'startedMs'] }).createIndex('startedMs', 'startedMs')
        fresh.createObjectStore('videos')
      },
      blocking: () => database.close(),
    })
    return new OwnFiles(database)
  }

  close(): void {
    this.database.close()
  }

  async add(facts: FileFacts, video: Blob): Promise<void> {
    await this.makeRoom(facts.bytes)
    const writing = this.database.transaction(['facts', 'videos'], 'readwrite')
    await Promise.all([
      writing.objectStore('facts').put(facts),
      writing.objectStore('videos').put(video, [facts.streamId, facts.startedMs]),
      writing.done,
    ])
  }

  /** Oldest first. */
  all(): Promise<FileFacts[]> {
    return this.database.getAllFromIndex('facts', 'startedMs')
  }

  video(facts: FileFacts): Promise<Blob | undefined> {
    return this.database.get('videos', [facts.streamId, facts.startedMs])
  }

  async drop(files: readonly FileFacts[]): Promise<void> {
    const writing = this.database.transaction(['facts', 'videos'], 'readwrite')
    for (const { streamId, startedMs } of files) {
      void writing.objectStore('facts').delete([streamId, startedMs])
      void writing.objectStore('videos').delete([streamId, startedMs])
    }
    await writing.done
  }

  async dropStream(streamId: string): Promise<void> {
    await this.drop((await this.all()).filter((file) => file.streamId === streamId))
  }

  async dropOld(nowMs: number): Promise<void> {
    await this.drop((await this.all()).filter((file) => file.startedMs < nowMs - KEPT_MS))
  }

  private async makeRoom(bytes: number): Promise<void> {
    const files = await this.all()
    await this.drop(tooMany(files, bytes, await budget()))
  }
}

/** Of files, oldest first, those that must go so that `bytes` more fit. */
export function tooMany(files: readonly FileFacts[], bytes: number, most: number): FileFacts[] {
  let total = files.reduce((sum, file) => sum + file.bytes, bytes)
  const going: FileFacts[] = []
  for (const file of files) {
    if (total <= most) break
    going.push(file)
    total -= file.bytes
  }
  return going
}

async function budget(): Promise<number> {
  const { quota = MOST_BYTES } = (await navigator.storage?.estimate?.()) ?? {}
  return Math.min(MOST_BYTES, quota * STORAGE_SHARE)
}
