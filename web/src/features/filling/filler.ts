// Brings the files that cover what a replay lacks, one by one, and has them filled in; goes on where it stopped.
import type { Fill, Hole } from '@/api/types'
import { asApiError } from '@/api/errors'
import type { FileFacts } from './own-files'

/** A file next to a hole has the sound by which the server finds its place. */
const NEAR_MS = 1_500

/** `waiting`: the server has no recording yet, or no line; later. */
export type Outcome = 'filled' | 'nothing' | 'failed' | 'waiting'

export interface FillApi {
  look(streamId: string): Promise<Fill>
  put(file: FileFacts, video: Blob, signal?: AbortSignal): Promise<unknown>
  begin(streamId: string): Promise<Fill>
}

export interface Files {
  video(file: FileFacts): Promise<Blob | undefined>
}

const LEAST_COVER_MS = 500 // the server patches nothing shorter

export interface Progress {
  readonly done: number
  readonly of: number
}

/** Those that cover holes, and those next to them by whose sound they find their place, in order; none if nothing is covered. */
export function filesFor(holes: readonly Hole[], files: readonly FileFacts[]): FileFacts[] {
  const within = (leastMs: number) => (file: FileFacts) =>
    holes.some((hole) => Math.min(file.startedMs + file.durationMs, Date.parse(hole.to)) - Math.max(file.startedMs, Date.parse(hole.from)) >= leastMs)
  return files.some(within(LEAST_COVER_MS)) ? files.filter(within(-NEAR_MS)) : []
}

/**
 * Does all that can be done for one broadcast now. What fails on the way is done at the next call, and what the server
 * could not do it is asked for again. `signal` is aborted when a broadcast begins, whose line is not shared.
 */
export async function fillGaps(
  streamId: string,
  own: readonly FileFacts[],
  files: Files,
  api: FillApi,
  onProgress: (progress: Progress) => void,
  signal?: AbortSignal,
): Promise<Outcome> {
  try {
    const fill = await api.look(streamId)
    if (fill.state === 'making') onProgress({ done: own.length, of: own.length })
    if (fill.state === 'failed') return outcomeOf(await api.begin(streamId))
    if (fill.state !== 'open') return outcomeOf(fill)
    const wanted = filesFor(fill.holes, own)
    if (wanted.length === 0) return 'nothing'
    const there = new Set(fill.files)
    for (const [number, file] of wanted.entries()) {
      if (signal?.aborted) return 'waiting'
      onProgress({ done: number, of: wanted.length })
      if (!there.has(String(file.startedMs))) await bring(file, files, api, signal)
    }
    if (signal?.aborted) return 'waiting'
    onProgress({ done: wanted.length, of: wanted.length })
    return outcomeOf(await api.begin(streamId))
  } catch (error) {
    return outcomeOfError(error)
  }
}

/** One that the server does not want costs itself only. */
async function bring(file: FileFacts, files: Files, api: FillApi, signal?: AbortSignal): Promise<void> {
  const video = await files.video(file)
  if (!video) return
  try {
    await api.put(file, video, signal)
  } catch (error) {
    const problem = asApiError(error)
    if (problem.transient || problem.status === 401 || problem.status === 403 || problem.code === 'not_ready') throw problem
  }
}

function outcomeOf(fill: Fill): Outcome {
  if (fill.state === 'filled' || fill.state === 'failed') return fill.state
  return fill.state === 'whole' ? 'nothing' : 'waiting'
}

/** A broadcast that is deleted has nothing to fill; another's on the same phone waits until he is back. */
function outcomeOfError(error: unknown): Outcome {
  const { code } = asApiError(error)
  return code === 'not_found' || code === 'no_files' ? 'nothing' : 'waiting'
}
