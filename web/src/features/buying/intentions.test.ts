// One id per intention.
import { expect, test } from 'vitest'
import { ApiError } from '@/api/errors'
import { useIntentions } from './intentions'

test('a press without an answer keeps its id, one that was answered gets a new one', () => {
  const intentions = useIntentions()
  const first = intentions.idOf('oranges')
  intentions.failed('oranges', new ApiError('timeout'))
  expect(intentions.idOf('oranges')).toBe(first)
  expect(intentions.has(first)).toBe(true)
  intentions.settle('oranges')
  expect(intentions.has(first)).toBe(false)
  expect(intentions.idOf('oranges')).not.toBe(first)
})

test('after a clear refusal the next press is a new intention', () => {
  const intentions = useIntentions()
  const first = intentions.idOf('oranges')
  intentions.failed('oranges', new ApiError('out_of_stock', '', 409))
  expect(intentions.idOf('oranges')).not.toBe(first)
})

test('two intentions have two ids', () => {
  const intentions = useIntentions()
  expect(intentions.idOf('oranges')).not.toBe(intentions.idOf('tea'))
})
