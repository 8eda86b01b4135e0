// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { isFree, leftOf, monthOf, usedShare } from './data-plan'
import { useDataUse } from './data-use'

const MB = 1_000_000
beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
})
afterEach(() => vi.useRealTimers())

it('counts by the month of the phone, and begins anew with each', () => {
  vi.useFakeTimers({ now: new Date(2026, 10, 30, 23, 59) })
  useDataUse().note(7 * MB)
  useDataUse().note(3 * MB)
  expect(useDataUse().usedBytes).toBe(10 * MB)
  vi.setSystemTime(new Date(2026, 11, 1, 0, 1))
  useDataUse().note(2 * MB)
  expect(useDataUse().usedBytes).toBe(2 * MB)
  setActivePinia(createPinia())
  expect(useDataUse().usedBytes).toBe(2 * MB)
})

it('adds up what several pages of one browser load', () => {
  const one = useDataUse()
  one.note(MB)
  setActivePinia(createPinia())
  useDataUse().note(MB)
  one.note(MB)
  expect(one.usedBytes).toBe(3 * MB)
})

it('counts nothing over Wi-Fi, and takes a line that does not say for mobile data', () => {
  expect([isFree({ type: 'wifi' }), isFree({ type: 'cellular' }), isFree({}), isFree(undefined)]).toEqual([true, false, false, false])
})

it('knows what is left, down to nothing, and no limit', () => {
  expect(leftOf({ limitBytes: 500 * MB, usedBytes: 480 * MB })).toBe(20 * MB)
  expect(leftOf({ limitBytes: 500 * MB, usedBytes: 501 * MB })).toBe(0)
  expect(leftOf({ limitBytes: null, usedBytes: 501 * MB })).toBeNull()
  expect([usedShare({ limitBytes: 100, usedBytes: 50 }), usedShare({ limitBytes: 100, usedBytes: 500 }), usedShare({ limitBytes: null, usedBytes: 5 })]).toEqual([0.5, 1, null])
})

it('remembers the limit and that there is none', () => {
  useDataUse().limitTo(500 * MB)
  setActivePinia(createPinia())
  expect(useDataUse().limitBytes).toBe(500 * MB)
  useDataUse().limitTo(null)
  setActivePinia(createPinia())
  expect(useDataUse().limitBytes).toBeNull()
})

it('months are written so that they sort', () => {
  expect([monthOf(new Date(2026, 0, 5)), monthOf(new Date(2026, 10, 5))]).toEqual(['2026-01', '2026-11'])
})

it('a page that stays open over the end of the month has the new month to spend', () => {
  vi.useFakeTimers({ now: new Date(2026, 10, 30, 23, 59) })
  const data = useDataUse()
  data.limitTo(10 * MB)
  data.note(12 * MB)
  expect(data.leftNow()).toBe(0)
  vi.setSystemTime(new Date(2026, 11, 1, 0, 1))
  expect(data.leftNow()).toBe(10 * MB)
})

it('shows what other pages loaded, and the new month, when it is looked at again', () => {
  vi.useFakeTimers({ now: new Date(2026, 10, 30, 23, 59) })
  const data = useDataUse()
  data.note(MB)
  vi.setSystemTime(new Date(2026, 11, 1, 0, 1))
  document.dispatchEvent(new Event('visibilitychange'))
  expect(data.usedBytes).toBe(0)
})
