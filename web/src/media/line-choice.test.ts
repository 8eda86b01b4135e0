// Who is not reached by WHEP sees the broadcast over HLS, and only he.
// @vitest-environment happy-dom
import { describe, expect, test } from 'vitest'
import { LineChoice } from './line-choice'
import type { PlayerState } from './whep-player'

const refused = (attempt: number): PlayerState => ({ name: 'reconnecting', attempt, retryInMs: 500 })
const PLAYING: PlayerState = { name: 'playing', firstFrameMs: 90 }

describe('the fast line', () => {
  test('is left at the second refusal, at a third break once it has played', () => {
    const fresh = new LineChoice('fast', true)
    expect([fresh.fastSays(refused(1)), fresh.fastSays(refused(2))]).toEqual([false, true])
    const played = new LineChoice('fast', true)
    played.fastSays(PLAYING)
    expect([played.fastSays(refused(2)), played.fastSays(refused(3))]).toEqual([false, true])
    expect([played.line, played.reason]).toEqual(['steady', 'fell_back'])
  })

  test('is left at once by a browser that cannot play it, and never tried by one without WebRTC', () => {
    const choice = new LineChoice('fast', true)
    expect(choice.fastSays({ name: 'failed', reason: 'cannot_play' })).toBe(true)
    const without = new LineChoice('fast', false)
    expect([without.line, without.lookBackInMs]).toEqual(['steady', null])
  })

  test('is not left because nobody publishes or the room is unknown', () => {
    const choice = new LineChoice('fast', true)
    expect(choice.fastSays({ name: 'waiting', retryInMs: 2_000 })).toBe(false)
    expect(choice.fastSays({ name: 'failed', reason: 'unknown_room' })).toBe(false)
    expect(choice.fastIsSlow({ name: 'waiting', retryInMs: 2_000 })).toBe(false)
    expect(choice.line).toBe('fast')
  })

  test('is left when no picture comes in time', () => {
    expect(new LineChoice('fast', true).fastIsSlow({ name: 'connecting', attempt: 1 })).toBe(true)
    const played = new LineChoice('fast', true)
    played.fastSays(PLAYING)
    expect(played.fastIsSlow(refused(1))).toBe(false)
  })
})

describe('where neither line carries a picture', () => {
  const CANNOT: PlayerState = { name: 'failed', reason: 'cannot_play' }

  test('WHEP is blocked and the browser cannot play it over HLS: it stays with WHEP', () => {
    const choice = new LineChoice('fast', true)
    choice.fastSays(refused(2))
    expect([choice.steadySays(CANNOT), choice.line]).toEqual([true, 'fast'])
    expect([choice.fastSays(refused(2)), choice.fastSays(refused(99)), choice.fastIsSlow({ name: 'connecting', attempt: 1 })]).toEqual([false, false, false])
    // until the viewer chooses anew
    choice.choose('fast')
    expect(choice.fastSays(refused(2))).toBe(true)
  })

  test('the browser can play neither: it says so, and changes no more', () => {
    const choice = new LineChoice('fast', true)
    expect([choice.fastSays(CANNOT), choice.steadySays(CANNOT), choice.line]).toEqual([true, false, 'steady'])
  })

  test('nothing answers at all: it changes over more and more seldom', () => {
    const choice = new LineChoice('fast', true)
    const borne = Array.from({ length: 4 }, () => {
      let tries = 1
      while (!choice.fastSays(refused(tries))) tries += 1
      choice.steadySays(refused(3))
      return tries
    })
    expect(borne).toEqual([2, 4, 8, 8])
    expect(choice.patienceMs).toBe(24_000)
    // a line that carries something is as good as new
    choice.fastSays(PLAYING)
    choice.fastWorks()
    expect(choice.fastSays(refused(2))).toBe(true)
  })

  test('the network or the host is back: it is as quick as at first', () => {
    const choice = new LineChoice('fast', true)
    choice.fastSays(refused(2))
    choice.steadySays(refused(3))
    expect([choice.fastSays(refused(2)), choice.patienceMs]).toEqual([false, 12_000])
    choice.forgetRefusals()
    expect([choice.patienceMs, choice.fastSays(refused(2))]).toEqual([6_000, true])
  })

  test('without a network nothing is the line\'s fault', () => {
    let isOnline = false
    const choice = new LineChoice('fast', true, () => isOnline)
    expect(choice.fastSays(refused(30))).toBe(false)
    isOnline = true
    expect(choice.fastSays(refused(2))).toBe(true)
    isOnline = false
    expect(choice.steadySays(refused(30))).toBe(false)
    isOnline = true
    expect(choice.steadySays(refused(3))).toBe(true)
  })

  test('a line that shows nothing in time is left again, also when it was left before', () => {
    const choice = new LineChoice('fast', true)
    choice.fastIsSlow({ name: 'connecting', attempt: 1 })
    choice.steadySays(refused(3))
    expect(choice.fastIsSlow({ name: 'connecting', attempt: 2 })).toBe(true)
  })
})

describe('the steady line', () => {
  test('is looked back from later and later, unless it was chosen', () => {
    const choice = new LineChoice('fast', true)
    choice.fastIsSlow({ name: 'connecting', attempt: 1 })
    const waits = Array.from({ length: 6 }, () => {
      const wait = choice.lookBackInMs
      choice.lookedInVain()
      return wait
    })
    expect(waits).toEqual([60_000, 120_000, 240_000, 480_000, 600_000, 600_000])
    expect(new LineChoice('steady', true).lookBackInMs).toBeNull()
  })

  test('is looked back from later when the fast line only seemed to work, soon when it has played', () => {
    const choice = new LineChoice('fast', true)
    choice.fastSays(refused(2))
    choice.fastWorks()
    choice.fastSays(refused(2))
    expect(choice.lookBackInMs).toBe(120_000)
    choice.fastWorks()
    choice.fastSays(PLAYING)
    choice.fastSays(refused(3))
    expect(choice.lookBackInMs).toBe(60_000)
  })

  test('is left when it carries nothing either, but not against the viewer', () => {
    const choice = new LineChoice('fast', true)
    choice.fastIsSlow({ name: 'connecting', attempt: 1 })
    expect(choice.steadySays(refused(2))).toBe(false)
    expect(choice.steadySays(refused(3))).toBe(true)
    expect(choice.line).toBe('fast')
    expect(new LineChoice('steady', true).steadySays(refused(9))).toBe(false)
  })
})
