// What questions, polls, coupons and draws of a room become with each piece of news. Pure.
import type { ChatMessage, CouponDrop, Draw, Poll, Question } from '@/api/types'

/** A phone shows five; more than this nobody reads while a broadcast is on. */
export const QUESTIONS_CAP = 100

/** With a new or changed question; at most one is pinned. */
export function withQuestion(questions: readonly Question[], news: Question): readonly Question[] {
  const known = questions.some((question) => question.id === news.id)
  const next = known ? questions.map((question) => (question.id === news.id ? news : question)) : [...questions, news]
  return next.slice(-QUESTIONS_CAP)
}

export function withoutQuestion(questions: readonly Question[], id: string): readonly Question[] {
  return questions.filter((question) => question.id !== id)
}

/** As staff needs them: open ones first, newest on top; answered ones below. */
export function byUrgency(questions: readonly Question[]): readonly Question[] {
  const rank = (question: Question) => (question.pinned ? 0 : question.state === 'answered' ? 2 : 1)
  return [...questions].reverse().sort((a, b) => rank(a) - rank(b))
}

/** News for everybody doesn't say what I did: that stays as it was, as long as it is the same thing. */
export function pollWith(before: Poll | null, news: Poll): Poll {
  return before?.id === news.id ? { ...news, my_option: news.my_option ?? before.my_option ?? null } : news
}

export function dropWith(before: CouponDrop | null, news: CouponDrop): CouponDrop {
  return before?.id === news.id ? { ...news, mine: news.mine ?? before.mine ?? 0 } : news
}

export function drawWith(before: Draw | null, news: Draw): Draw {
  return before?.id === news.id ? { ...news, my_ticket: news.my_ticket ?? before.my_ticket ?? null } : news
}

/** Whole per cent that add up to 100 (largest remainders), or zeros. */
export function pollShares(poll: Poll): number[] {
  const total = poll.options.reduce((sum, option) => sum + option.votes, 0)
  if (total === 0) return poll.options.map(() => 0)
  const exact = poll.options.map((option) => (option.votes / total) * 100)
  const shares = exact.map(Math.floor)
  const missing = 100 - shares.reduce((sum, share) => sum + share, 0)
  const byRemainder = exact.map((value, place) => ({ place, rest: value - Math.floor(value) })).sort((a, b) => b.rest - a.rest)
  for (const { place } of byRemainder.slice(0, missing)) shares[place] = (shares[place] ?? 0) + 1
  return shares
}

/** Whether coupons can still be taken. */
export function canTake(drop: CouponDrop, nowMs: number): boolean {
  return drop.left > 0 && (drop.mine ?? 0) < drop.per_user && nowMs < Date.parse(drop.closes_at)
}

export function withHeld(held: readonly ChatMessage[], message: ChatMessage): readonly ChatMessage[] {
  return held.some((line) => line.id === message.id) ? held : [...held, message]
}
