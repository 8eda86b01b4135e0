import { expect, it } from 'vitest'
import { steepestDrop } from './drop-off'

it('finds the part where most learners left', () => {
  expect(steepestDrop({ parts: [9, 8, 8, 3, 3, 2, 2, 2, 2, 2], part_ms: 1_000 })).toEqual({ index: 3, at_ms: 3_000, left: 5 })
})

it('finds none where everybody stayed, nor in the last words', () => {
  expect(steepestDrop({ parts: [3, 3, 3], part_ms: 1_000 })).toBeNull()
  expect(steepestDrop({ parts: [3, 3, 3, 3, 3, 3, 3, 3, 3, 0], part_ms: 1_000 })).toBeNull()
  expect(steepestDrop({ parts: [], part_ms: 1_000 })).toBeNull()
})
