import { describe, expect, it } from 'vitest'
import { beginAt, clockTenths, endAt } from './clip-span'

const REPLAY_MS = 600_000

describe('the span of a clip', () => {
  it('goes where its host wants it', () => {
    expect(beginAt({ startMs: 10_000, endMs: 30_000 }, 12_345, REPLAY_MS)).toEqual({ startMs: 12_345, endMs: 30_000 })
    expect(endAt({ startMs: 10_000, endMs: 30_000 }, 22_000, REPLAY_MS)).toEqual({ startMs: 10_000, endMs: 22_000 })
  })

  it('takes its other side along when it would become too short or too long', () => {
    expect(beginAt({ startMs: 10_000, endMs: 30_000 }, 40_000, REPLAY_MS)).toEqual({ startMs: 40_000, endMs: 41_000 })
    expect(endAt({ startMs: 10_000, endMs: 30_000 }, 5_000, REPLAY_MS)).toEqual({ startMs: 4_000, endMs: 5_000 })
    expect(endAt({ startMs: 10_000, endMs: 30_000 }, 400_000, REPLAY_MS)).toEqual({ startMs: 220_000, endMs: 400_000 })
  })

  it('stays within the replay', () => {
    expect(beginAt({ startMs: 0, endMs: 20_000 }, -500, REPLAY_MS)).toEqual({ startMs: 0, endMs: 20_000 })
    expect(beginAt({ startMs: 0, endMs: 20_000 }, 700_000, REPLAY_MS)).toEqual({ startMs: 599_000, endMs: 600_000 })
    expect(endAt({ startMs: 590_000, endMs: 595_000 }, 700_000, REPLAY_MS)).toEqual({ startMs: 590_000, endMs: 600_000 })
  })

  it('reads to the tenth of a second', () => {
    expect([0, 99, 62_340, 59_960, 3_600_000].map(clockTenths)).toEqual(['0:00.0', '0:00.1', '1:02.3', '1:00.0', '60:00.0'])
  })
})
