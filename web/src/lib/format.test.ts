import { expect, it } from 'vitest'
import { clockLength, count, dataSize, day, moment, timeLeft, yuan } from './format'

it('writes prices without needless zeros', () => {
  expect([yuan(1990), yuan(2000), yuan(5), yuan(0), yuan(123_456)]).toEqual(['19.90', '20', '0.05', '0', '1234.56'])
})

it('writes lengths as clocks do', () => {
  expect([clockLength(0), clockLength(64_900), clockLength(3_754_000), clockLength(-5)]).toEqual(['0:00', '1:04', '1:02:34', '0:00'])
})

it('says that nothing of a time is left only when it is over', () => {
  expect([timeLeft(60_000), timeLeft(59_001), timeLeft(1), timeLeft(0), timeLeft(-900)]).toEqual(['1:00', '1:00', '0:01', '0:00', '0:00'])
})

it('writes data as mobile plans count it', () => {
  expect([dataSize(900), dataSize(450_000), dataSize(4_100_000), dataSize(58_600_000), dataSize(1_250_000_000)]).toEqual([
    '1 KB', '450 KB', '4.1 MB', '59 MB', '1.3 GB',
  ])
})

it('names near days and dates far ones', () => {
  const now = new Date(2026, 10, 22, 12).getTime()
  const at = (days: number, hour = 9) => new Date(2026, 10, 22 + days, hour).toISOString()
  expect([day(at(0), 'en', now), day(at(1), 'en', now), day(at(-1), 'en', now), day(at(5), 'en', now)]).toEqual(['Today', 'Tomorrow', 'Yesterday', 'Nov 27'])
  expect(moment(at(0, 19), 'en', now)).toBe('Today 19:00')
})

it('shortens large numbers in the way of each language', () => {
  expect(count(12_345, 'en')).toBe('12.3K')
  expect(count(12_345, 'zh-CN')).toBe('1.2\u4e07')
})
