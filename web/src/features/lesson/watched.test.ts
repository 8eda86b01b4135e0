import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Interval } from '@/api/types'
import { merged, ProgressReporter, REPORT_EVERY_MS, WatchTracker } from './watched'

describe('watched intervals', () => {
  it('join where they touch or overlap, in any order', () => {
    expect(merged([[5_000, 9_000], [0, 5_000], [20_000, 21_000], [8_000, 10_000]])).toEqual([[0, 10_000], [20_000, 21_000]])
  })

  it('leave out what has no length', () => {
    expect(merged([[3_000, 3_000]])).toEqual([])
  })
})

describe('a tracker', () => {
  it('counts what was played and not what was jumped over', () => {
    const tracker = new WatchTracker()
    for (const at of [0, 250, 500, 60_000, 60_250]) tracker.moved(at, 1)
    expect(tracker.take().intervals).toEqual([[0, 500], [60_000, 60_250]])
  })

  it('counts what was played while the phone was too busy to look', () => {
    const tracker = new WatchTracker()
    tracker.moved(0, 1, 100)
    expect(tracker.moved(4_900, 1, 5_000)).toEqual([0, 4_900])
    expect(tracker.moved(20_000, 1, 5_250)).toBeNull()
    expect(tracker.take().intervals).toEqual([[0, 4_900]])
  })

  it('counts faster playing by its longer steps', () => {
    const tracker = new WatchTracker()
    for (const at of [0, 2_000, 4_000]) tracker.moved(at, 2)
    expect(tracker.take().intervals).toEqual([[0, 4_000]])
  })

  it('begins anew after a seek back', () => {
    const tracker = new WatchTracker()
    tracker.moved(10_000, 1)
    tracker.moved(10_500, 1)
    tracker.cut(2_000)
    tracker.moved(2_000, 1)
    tracker.moved(2_400, 1)
    expect(tracker.take().intervals).toEqual([[2_000, 2_400], [10_000, 10_500]])
  })
})

describe('a reporter', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  function watching() {
    const tracker = new WatchTracker()
    const reports: { position: number | null; intervals: Interval[]; leaving: boolean }[] = []
    const reporter = new ProgressReporter(tracker, async ({ positionMs: position, intervals }, leaving) => {
      reports.push({ position, intervals, leaving })
    })
    return { tracker, reports, reporter }
  }

  it('reports every ten seconds while something is watched, and is silent otherwise', async () => {
    const { tracker, reports, reporter } = watching()
    tracker.moved(0, 1)
    tracker.moved(1_000, 1)
    await vi.advanceTimersByTimeAsync(3 * REPORT_EVERY_MS)
    expect(reports).toEqual([{ position: 1_000, intervals: [[0, 1_000]], leaving: false }])
    reporter.destroy()
  })

  it('reports at once when the page goes', () => {
    const { tracker, reports, reporter } = watching()
    tracker.moved(0, 1)
    tracker.moved(400, 1)
    reporter.destroy()
    expect(reports).toEqual([{ position: 400, intervals: [[0, 400]], leaving: true }])
  })

  it('sends again what could not be delivered', async () => {
    const tracker = new WatchTracker()
    const delivered: Interval[][] = []
    let online = false
    const reporter = new ProgressReporter(tracker, async ({ intervals }) => {
      if (!online) throw new Error('no network')
      delivered.push(intervals)
    })
    tracker.moved(0, 1)
    tracker.moved(500, 1)
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS)
    online = true
    tracker.moved(900, 1)
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS)
    expect(delivered).toEqual([[[0, 900]]])
    reporter.destroy()
  })

  it('says where he is of what he plays now, also when what he played before is told later', async () => {
    const tracker = new WatchTracker()
    const delivered: [inserts: number, position: number | null][] = []
    let isBusy = true
    const reporter = new ProgressReporter(tracker, async ({ inserts, positionMs }) => {
      if (inserts === 0 && isBusy) throw new Error('busy')
      delivered.push([inserts, positionMs])
    })
    tracker.moved(60_000, 1)
    tracker.moved(60_500, 1)
    tracker.open(2, 68_500)
    tracker.moved(68_500, 1)
    tracker.moved(69_000, 1)
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS)
    isBusy = false
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS)
    expect(delivered).toEqual([[2, 69_000], [0, null]])
    reporter.destroy()
  })
})
