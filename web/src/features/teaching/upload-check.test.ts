// What is refused before it costs data.
import { expect, test } from 'vitest'
import { LONGEST_SECONDS, problemOf, titleOf } from './upload-check'

const file = { type: 'video/mp4', size: 100 }

test.each([
  [file, 60, null],
  [file, null, null],
  [{ ...file, type: '' }, null, null],
  [{ ...file, type: 'text/plain' }, null, 'not_a_video'],
  [{ ...file, size: 0 }, null, 'not_a_video'],
  [{ ...file, size: 1001 }, 60, 'body_too_large'],
  [file, LONGEST_SECONDS + 1, 'too_long'],
] as const)('%o of %s seconds: %s', (one, seconds, problem) => {
  expect(problemOf(one, seconds, 1000)).toBe(problem)
})

test.each([
  ['冬季修剪.mp4', '冬季修剪'],
  ['VID_20261128_0800.MOV', 'VID 20261128 0800'],
  ['第1.5课', '第1.5课'],
  [`${'长'.repeat(70)}.mp4`, '长'.repeat(60)],
])('%s is called %s', (name, title) => {
  expect(titleOf(name)).toBe(title)
})
