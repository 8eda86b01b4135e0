// Progress that could not be told: kept on the device under its learner's id, and merged when the server answers again.
import { lessons } from '@/api'
import { asApiError } from '@/api/errors'
import type { Interval, LessonProgress } from '@/api/types'
import { merged, type Watched } from '@/features/lesson/watched'
import { alone, database, type WatchedHere } from './device'

const MOST_AT_ONCE = 500 // the server takes no more in one report
const SIGNED_OUT = new Set(['another_learner', 'sign_in_required'])
/** The lesson is gone, or nobody may see it any more: nothing to tell. */
const FOR_NOTHING = new Set(['not_found', 'not_allowed'])

/** What is kept, by edition: the one that was watched last is last. What does not say of which edition it is counts for `own`. */
function editionsOf({ positionMs, intervals, inserts, before }: WatchedHere, own: number): Watched[] {
  return [...(before ? [before] : []), { positionMs, intervals, inserts: inserts ?? own }]
}

/** What is known of a lesson that has so many inserts with what was watched of it since; the server's own answer replaces it later. */
export function withWatched(progress: LessonProgress, here: WatchedHere | undefined, inserts: number): LessonProgress {
  const since = here && editionsOf(here, inserts).find((watched) => watched.inserts === inserts)
  if (!since) return progress
  const intervals = merged([...progress.intervals, ...since.intervals].map(([from, to]): Interval => [from, to]))
  const watched_ms = intervals.reduce((sum, [from, to]) => sum + to - from, 0)
  return { ...progress, intervals, watched_ms, position_ms: since.positionMs ?? progress.position_ms, reached_ms: Math.max(progress.reached_ms, reachedIn(intervals)) }
}

const HOLE_MS = 2_000 // the server forgives as much

function reachedIn(intervals: readonly Interval[]): number {
  let reached = 0
  for (const [from, to] of intervals) {
    if (from > reached + HOLE_MS) break
    reached = to
  }
  return reached
}

/** A lesson is filled once, so there is what was watched before that, and after. */
export async function keepWatched(userId: string, lessonId: string, watched: Watched): Promise<void> {
  const db = await database()
  const transaction = db.transaction('watched', 'readwrite')
  const stored = await transaction.store.get([userId, lessonId])
  const kept = stored ? editionsOf(stored, watched.inserts) : []
  const others = kept.filter(({ inserts }) => inserts !== watched.inserts)
  const same = kept.find(({ inserts }) => inserts === watched.inserts)
  const intervals = merged([...(same?.intervals ?? []), ...watched.intervals].map(([from, to]): Interval => [from, to]))
  const joined = { ...watched, positionMs: watched.positionMs ?? same?.positionMs ?? null, intervals }
  const [now, before] = (watched.positionMs === null ? [...others, joined] : [joined, ...others]) as [Watched, Watched?]
  await transaction.store.put({ userId, lessonId, ...now, before, changedAt: Math.max(Date.now(), (stored?.changedAt ?? 0) + 1) })
  await transaction.done
}

export async function watchedHere(userId: string, lessonId: string): Promise<WatchedHere | undefined> {
  return (await database()).get('watched', [userId, lessonId])
}

/** Is told what the server knows of a lesson after a report. */
export type OnTold = (userId: string, lessonId: string, progress: LessonProgress) => Promise<void>

/** Tells what this learner watched, never what others did. What does not get through stays for the next time. */
export async function mergeWatched(userId: string, onTold: OnTold): Promise<void> {
  await alone('watched', async () => {
    const mine = (await (await database()).getAll('watched')).filter((here) => here.userId === userId)
    for (const here of mine) if (!(await mergeOne(here, onTold))) return
  })
}

/** False: this learner is signed in no more. */
async function mergeOne(here: WatchedHere, onTold: OnTold): Promise<boolean> {
  const { userId, lessonId } = here
  try {
    // Where he is: in what he watched last.
    for (const { positionMs, intervals, inserts } of here.before ? [{ ...here.before, positionMs: null }, here] : [here]) {
      for (let at = 0; at === 0 || at < intervals.length; at += MOST_AT_ONCE) {
        const report = { learner_id: userId, position_ms: positionMs, intervals: intervals.slice(at, at + MOST_AT_ONCE), inserts }
        await onTold(userId, lessonId, await lessons.reportProgress(lessonId, report))
      }
    }
  } catch (error) {
    const { code } = asApiError(error)
    if (SIGNED_OUT.has(code)) return false
    // `too_fast` too: told later it counts.
    if (!FOR_NOTHING.has(code)) return true
  }
  const transaction = (await database()).transaction('watched', 'readwrite')
  const now = await transaction.store.get([userId, lessonId])
  // Watched on meanwhile: the union takes twice what was told, and loses nothing.
  if (now?.changedAt === here.changedAt) await transaction.store.delete([userId, lessonId])
  await transaction.done
  return true
}
