import { describe, expect, it } from 'vitest'
import { missingOf } from './gaps'

const gap = (start_ms: number, end_ms: number) => ({ start_ms, end_ms, at_ms: start_ms })

describe('what a replay lacks', () => {
  it('is nothing for a learner and for a whole recording', () => {
    expect(missingOf(null)).toBeNull()
    expect(missingOf([])).toBeNull()
  })

  it('leaves out what nobody notices', () => {
    expect(missingOf([gap(0, 400), gap(2_000, 2_999)])).toBeNull()
  })

  it('adds up the stretches that were cut', () => {
    expect(missingOf([gap(0, 400), gap(5_000, 12_200), gap(20_000, 25_000)])).toEqual({ seconds: 12, places: 2 })
  })
})
