// Which parts of a lesson were really watched, and telling the server now and then.
import type { Interval, LessonProgress } from '@/api/types'

/** Joins what touches or overlaps; sorted. */
export function merged(intervals: readonly Interval[]): Interval[] {
  const result: Interval[] = []
  for (const [from, to] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else if (to > from) result.push([from, to])
  }
  return result
}

const NOTHING: LessonProgress = { position_ms: 0, watched_ms: 0, reached_ms: 0, intervals: [], done: false }

/** What one learner did, without the lesson. */
export function progressOf(lesson: LessonProgress | null): LessonProgress {
  const { position_ms, watched_ms, reached_ms, intervals, done } = lesson ?? NOTHING
  return { position_ms, watched_ms, reached_ms, intervals, done }
}

/** A picture that moved this much further than time did has jumped: that is not watching. */
const JUMP_MS = 1_500

const MOST_AT_ONCE = 500 // the server takes no more in one report

/** What was watched of a lesson as it was when so many inserts had been put into it. */
export interface Watched {
  /** Where he is; null: elsewhere by now, in another edition. */
  positionMs: number | null
  intervals: Interval[]
  inserts: number
}

type Played = Pick<Watched, 'intervals' | 'inserts'>

export class WatchTracker {
  private last: number | null = null
  private lookedAtMs = 0
  private positionMs = 0
  private now: Played = { intervals: [], inserts: 0 }
  private readonly others: Played[] = [] // of editions that were played before

  /**
   * Called as the picture moves; `rate` is the speed it moves at, `nowMs` a clock that only goes forward. A phone that is
   * busy looks seldom: what it played meanwhile was watched all the same. Gives what was watched since the last look.
   */
  moved(positionMs: number, rate: number, nowMs = performance.now()): Interval | null {
    const position = Math.round(positionMs)
    const from = this.last
    const possibleMs = (nowMs - this.lookedAtMs + JUMP_MS) * rate
    this.last = position
    this.positionMs = position
    this.lookedAtMs = nowMs
    if (from === null || position <= from || position - from > possibleMs) return null
    this.now.intervals = merged([...this.now.intervals, [from, position]])
    return [from, position]
  }

  /** The next movement starts a new interval: after a seek, a pause, a stall. */
  cut(positionMs?: number): void {
    this.last = null
    if (positionMs !== undefined) this.positionMs = Math.round(positionMs)
  }

  /** Something with other places is played from now on. */
  open(inserts: number, positionMs: number): void {
    if (inserts !== this.now.inserts) {
      const back = this.others.findIndex((watched) => watched.inserts === inserts)
      this.others.push(this.now)
      this.now = back < 0 ? { intervals: [], inserts } : (this.others.splice(back, 1)[0] as Played)
    }
    this.cut(positionMs)
  }

  get pending(): boolean {
    return this.told !== undefined
  }

  /** Hands over what was watched since the last time. */
  take(): Watched {
    const of = this.told ?? this.now
    const intervals = of.intervals.slice(0, MOST_AT_ONCE)
    of.intervals = of.intervals.slice(MOST_AT_ONCE)
    return { positionMs: of === this.now ? this.positionMs : null, intervals, inserts: of.inserts }
  }

  /** What could not be delivered goes with the next report. */
  putBack(watched: Watched): void {
    const of = this.all.find(({ inserts }) => inserts === watched.inserts)
    if (of) of.intervals = merged([...of.intervals, ...watched.intervals])
  }

  private get all(): Played[] {
    return [...this.others, this.now]
  }

  /** What there is to tell, what is played now last. */
  private get told(): Played | undefined {
    return this.all.find(({ intervals }) => intervals.length > 0)
  }
}

export type Report = (watched: Watched, leaving: boolean) => Promise<void>

/** At most one report in this time while watching; pausing and leaving report at once. */
export const REPORT_EVERY_MS = 10_000

export class ProgressReporter {
  private readonly timer: ReturnType<typeof setInterval>
  private sending: Promise<void> = Promise.resolve()

  constructor(
    private readonly tracker: WatchTracker,
    private readonly report: Report,
  ) {
    this.timer = setInterval(() => void this.flush(false), REPORT_EVERY_MS)
  }

  flush(leaving: boolean): Promise<void> {
    while (this.tracker.pending) {
      const watched = this.tracker.take()
      const send = () => this.report(watched, leaving).catch(() => this.tracker.putBack(watched))
      // A page that goes away can't wait for the report before.
      this.sending = leaving ? Promise.all([this.sending, send()]).then(() => undefined) : this.sending.then(send)
    }
    return this.sending
  }

  destroy(): void {
    clearInterval(this.timer)
    void this.flush(true)
  }
}
