import { afterEach, beforeEach, expect, it, vi } from 'vitest'

beforeEach(() => vi.useFakeTimers({ now: Date.parse('2026-11-22T10:00:00Z') }))
afterEach(() => vi.useRealTimers())

async function freshClock() {
  vi.resetModules()
  return import('./server-clock')
}

it('counts down by the server although the phone is an hour slow', async () => {
  const clock = await freshClock()
  const sent = Date.now()
  clock.noteServerNow('2026-11-22T11:00:00.050Z', sent, sent + 100)
  expect(clock.msUntil('2026-11-22T11:05:00Z')).toBe(300_000)
})

it('keeps an exact measurement when a coarser one follows', async () => {
  const clock = await freshClock()
  const sent = Date.now()
  clock.noteServerNow('2026-11-22T11:00:00.020Z', sent, sent + 40)
  clock.noteServerTime('Sun, 22 Nov 2026 11:00:00 GMT', sent, sent + 4_000)
  expect(clock.serverNow()).toBe(Date.parse('2026-11-22T11:00:00Z'))
})

it('starts anew when the phone was set to another time', async () => {
  const clock = await freshClock()
  const sent = Date.now()
  clock.noteServerNow('2026-11-22T10:00:00Z', sent, sent)
  vi.setSystemTime(sent - 3_600_000)
  clock.noteServerTime('Sun, 22 Nov 2026 10:00:00 GMT', Date.now(), Date.now())
  expect(Math.abs(clock.serverNow() - sent)).toBeLessThan(1_000)
})

it('ignores a header that is not a date', async () => {
  const clock = await freshClock()
  clock.noteServerTime('soon', 0, 0)
  clock.noteServerTime(null, 0, 0)
  expect(clock.serverNow()).toBe(Date.now())
})
