import { describe, expect, it } from 'vitest'
import type { QuizQuestion } from '@/api/types'
import { dueQuestion, leftBehind, toggled } from './chosen'

const question = (id: string, at_ms: number | null): QuizQuestion => ({ id, at_ms, text: '', options: [], several: false })
const asked = [question('a', 10_000), question('b', 20_000), question('end', null)]

describe('ticking', () => {
  it('takes one option instead of another', () => expect(toggled([0], 2, false)).toEqual([2]))
  it('takes several where several are right', () => expect(toggled([2], 0, true)).toEqual([0, 2]))
  it('takes one back', () => expect(toggled([0, 2], 0, true)).toEqual([2]))
})

describe('the question that is due', () => {
  it('is the one that was just passed', () => expect(dueQuestion(asked, 9_800, 10_050, new Set())?.id).toBe('a'))
  it('is none before it and none after it', () => {
    expect(dueQuestion(asked, 9_000, 9_900, new Set())).toBeNull()
    expect(dueQuestion(asked, 10_000, 10_250, new Set())).toBeNull()
  })
  it('is none that was answered', () => expect(dueQuestion(asked, 9_800, 10_050, new Set(['a']))).toBeNull())
  it('is none after a jump, forwards or back', () => {
    expect(dueQuestion(asked, 0, 30_000, new Set())).toBeNull()
    expect(dueQuestion(asked, 30_000, 5_000, new Set())).toBeNull()
  })
})

describe('questions left behind', () => {
  const mine = { right_ids: ['a'], attempts: 0, passed_at: null }
  it('are those that came by and are not right yet', () => {
    const left = leftBehind({ questions: [...asked, question('far', 50_000)], mine }, 30_000)
    expect(left.map(({ id }) => id)).toEqual(['b'])
  })
  it('are none for who has passed, also when one was added since', () => {
    expect(leftBehind({ questions: asked, mine: { ...mine, passed_at: '2026-11-30T00:00:00Z' } }, 30_000)).toEqual([])
  })
  it('are none when all that came by is right', () => expect(leftBehind({ questions: asked, mine }, 15_000)).toEqual([]))
})
