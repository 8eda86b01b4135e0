// What goes on beside picture and chat: news in lists, shares of a poll, what a host types.
import { describe, expect, it, test } from 'vitest'
import type { CheckableDraw, CouponDrop, Draw, Poll, Question } from '@/api/types'
import { checkDraw, winningTickets } from '@/features/draws/fairness'
import { wordsOf } from '@/features/moderation/durations'
import { ruleChanges } from '@/features/moderation/log-words'
import { byUrgency, canTake, drawWith, dropWith, pollShares, pollWith, QUESTIONS_CAP, withQuestion } from '@/features/room/side-lists'
import { couponTerms, fenOf, pollOptions } from './drafts'

const AT = '2026-11-22T10:00:00Z'
const makeQuestion = (id: string, more: Partial<Question> = {}): Question => ({
  id, author_id: 'u', author_name: '李明', text: '甜吗', at: AT, state: 'open', pinned: false, answer: '', answered_by: null, answered_at: null, ...more,
})
const makePoll = (...votes: number[]): Poll => ({
  id: 'p', question: '?', options: votes.map((count, place) => ({ text: String(place), votes: count })), votes: 0, opened_at: AT, closed_at: null,
})

describe('questions', () => {
  it('takes news about a known one in its place and new ones at the end', () => {
    const first = withQuestion(withQuestion([], makeQuestion('a')), makeQuestion('b'))
    expect(withQuestion(first, makeQuestion('a', { pinned: true })).map((each) => [each.id, each.pinned])).toEqual([['a', true], ['b', false]])
  })

  it('never keeps more than the cap', () => {
    let questions: readonly Question[] = []
    for (let number = 0; number < QUESTIONS_CAP + 5; number += 1) questions = withQuestion(questions, makeQuestion(String(number)))
    expect(questions.length).toBe(QUESTIONS_CAP)
    expect(questions.at(-1)?.id).toBe(String(QUESTIONS_CAP + 4))
  })

  it('shows the pinned one first, then the newest open ones, answered ones last', () => {
    const list = [makeQuestion('a', { state: 'answered' }), makeQuestion('b'), makeQuestion('c'), makeQuestion('d', { state: 'answered', pinned: true })]
    expect(byUrgency(list).map((each) => each.id)).toEqual(['d', 'c', 'b', 'a'])
  })
})

describe('news for everybody', () => {
  it('does not forget what I did', () => {
    expect(pollWith({ ...makePoll(1, 0), my_option: 0 }, makePoll(2, 1)).my_option).toBe(0)
    expect(pollWith({ ...makePoll(1, 0), my_option: 0 }, { ...makePoll(0, 0), id: 'next' }).my_option).toBeUndefined()
    const draw = { id: 'd', my_ticket: 't' } as Draw
    expect(drawWith(draw, { id: 'd' } as Draw).my_ticket).toBe('t')
    const drop = { id: 'c', mine: 1 } as CouponDrop
    expect(dropWith(drop, { id: 'c', left: 2 } as CouponDrop)).toMatchObject({ mine: 1, left: 2 })
  })

  it('says whether a coupon can be taken', () => {
    const drop = { left: 1, per_user: 1, mine: 0, closes_at: AT } as CouponDrop
    const before = Date.parse(AT) - 1
    expect(canTake(drop, before)).toBe(true)
    expect(canTake(drop, before + 1)).toBe(false)
    expect(canTake({ ...drop, mine: 1 }, before)).toBe(false)
    expect(canTake({ ...drop, left: 0 }, before)).toBe(false)
  })
})

test.each([
  [[1, 1, 1], [34, 33, 33]],
  [[0, 0], [0, 0]],
  [[5, 0], [100, 0]],
  [[1, 2], [33, 67]],
])('shares of %j votes add up to a hundred', (votes, shares) => {
  expect(pollShares(makePoll(...votes))).toEqual(shares)
})

test('what a host types becomes terms', () => {
  expect(pollOptions(' 茶园，鱼塘 、果园,茶园 ')).toEqual(['茶园', '鱼塘', '果园'])
  expect([fenOf('19.9'), fenOf('5'), fenOf('0.05'), fenOf('五'), fenOf('-1'), fenOf('1.234')]).toEqual([1990, 500, 5, null, null, null])
  expect(couponTerms('5', '30', 20)).toEqual({ value_fen: 500, min_total_fen: 3000, quota: 20 })
  expect(couponTerms('30', '30', 20)).toBeNull()
  expect(ruleChanges('slow_mode_seconds=5, review_first=True')).toEqual([{ rule: 'slow_mode_seconds', value: '5' }, { rule: 'review_first', value: 'True' }])
  expect(ruleChanges('')).toEqual([])
  expect(wordsOf('假药\n 加 微信 ，假药\n')).toEqual(['假药', '加 微信'])
})

describe('a draw', () => {
  // Made by the server's own function: winning_tickets("ab" * 32, …, 2).
  const TICKETS = ['1111111111111111', '2222222222222222', '3333333333333333']
  const SEED = 'ab'.repeat(32)
  const EXPECTED = ['2222222222222222', '3333333333333333']
  const COMMITMENT = '271a413bd339c5709fdceaec41f14f11e9fbfb5042d72d331c65f32b284cd09a'
  const ENTRIES = '80c0e08deb860f052d0a52e11069f7b9e3082474b3c0af5ec5c67e78462c37f6'

  it('has the same winners here as on the server', async () => {
    expect(await winningTickets(SEED, [...TICKETS].reverse(), 2)).toEqual(EXPECTED)
  })

  it('is fair only if seed, tickets and winners are the right ones', async () => {
    const draw = {
      state: 'drawn', seed: SEED, commitment: COMMITMENT, tickets: TICKETS, entries: ENTRIES, places: 2,
      winners: EXPECTED.map((ticket) => ({ ticket, user_id: '', name: '' })),
    } as unknown as CheckableDraw
    expect(await checkDraw(draw)).toEqual({ promised: true, complete: true, right: true })
    expect((await checkDraw({ ...draw, seed: `0${SEED.slice(1)}` }))?.promised).toBe(false)
    expect((await checkDraw({ ...draw, tickets: TICKETS.slice(1) }))?.complete).toBe(false)
    expect((await checkDraw({ ...draw, winners: [...draw.winners].reverse() }))?.right).toBe(false)
    expect(await checkDraw({ ...draw, state: 'open', seed: null })).toBeNull()
  })
})
