import { describe, expect, it } from 'vitest'
import { newQuestion, placeTyped, problemOf, withoutOption } from './quiz-draft'

describe('a place that is typed', () => {
  it.each([
    ['1:30', 90_000],
    ['1：05', 65_000],
    ['90', 90_000],
    [' 0:05 ', 5_000],
    ['1:75', null],
    ['', null],
    ['半分钟', null],
  ])('%s', (typed, ms) => expect(placeTyped(typed)).toBe(ms))
})

describe('a question', () => {
  const whole = { ...newQuestion(), text: '剪哪些？', options: ['枯枝', '病枝', '果枝'], right: [0, 2] }

  it('says what is missing', () => {
    expect(problemOf(newQuestion())).toBe('text')
    expect(problemOf({ ...whole, options: ['枯枝', ' '] })).toBe('options')
    expect(problemOf({ ...whole, options: ['枯枝', '枯枝 '] })).toBe('same')
    expect(problemOf({ ...whole, right: [] })).toBe('right')
    expect(problemOf(whole)).toBeNull()
  })

  it('keeps what is right when an option goes', () => {
    expect(withoutOption(whole, 0)).toMatchObject({ options: ['病枝', '果枝'], right: [1] })
    expect(withoutOption(whole, 1)).toMatchObject({ options: ['枯枝', '果枝'], right: [0, 1] })
  })
})
