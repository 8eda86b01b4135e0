// Whole emoji stay, halves go.
import { expect, test } from 'vitest'
import { wellFormed } from './well-formed'

test.each([
  ['橙子真甜🍊', '橙子真甜🍊'],
  ['橙子真甜🍊'.slice(0, -1), '橙子真甜'],
  ['🍊'.slice(1) + '甜' + '🍊'.slice(0, 1) + '🍊', '甜🍊'],
  ['👨‍👩‍👧', '👨‍👩‍👧'],
  ['', ''],
])('%j is sent as %j', (typed, sent) => {
  expect(wellFormed(typed)).toBe(sent)
})
