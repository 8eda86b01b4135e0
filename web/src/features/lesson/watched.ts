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

export class WatchTracker {
  private intervals: Interval[] = []
  private last: number | null = null
  private at = 0
  private lookedAtMs = 0

  /**
   * Called as the picture moves; `rate` is the speed it moves at, `nowMs` a clock that only goes forward. A phone that is
   * busy looks seldom: what it played meanwhile was watched all the same. Gives what was watched since the last look.
   */
  moved(positionMs: number, rate: number, nowMs = performance.now()): Interval | null {
    const position = Math.round(positionMs)
    const from = this.last
    const possibleMs = (nowMs - this.lookedAtMs + JUMP_MS) * rate
    this.last = position
    this.at = position
    this.lookedAtMs = nowMs
    if (from === null || position <= from || position - from > possibleMs) return null
    this.intervals = merged([...this.intervals, [from, position]])
    return [from, position]
  }

  /** The next movement starts a new interval: after a seek, a pause, a stall. */
  cut(positionMs?: number): void {
    this.last = null
    if (positionMs !== undefined) this.at = Math.round(positionMs)
  }

  get position(): number {
    return this.at
  }

  get pending(): boolean {
    return this.intervals.length > 0
  }

  /** Hands over what was watched since the last time. */
  take(): Interval[] {
    const taken = this.intervals.slice(0, MOST_AT_ONCE)
    this.intervals = this.intervals.slice(MOST_AT_ONCE)
    return taken
  }

  /** What could not be delivered goes with the next report. */
  putBack(intervals: readonly Interval[]): void {
    this.intervals = merged([...this.intervals, ...intervals])
  }
}

export type Report = (position_ms: number, intervals: Interval[], leaving: boolean) => Promise<void>

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
    if (!this.tracker.pending) return this.sending
    const intervals = this.tracker.take()
    const position = this.tracker.position
    const send = () => this.report(position, intervals, leaving).catch(() => this.tracker.putBack(intervals))
    // A page that goes away can't wait for the report before.
    this.sending = leaving ? send() : this.sending.then(send)
    return this.sending
  }

  destroy(): void {
    clearInterval(this.timer)
    void this.flush(true)
  }
}
