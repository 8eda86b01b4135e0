// What a parcel needs.
import { expect, test } from 'vitest'
import { contactProblems, labelText, spokenPhone } from './contact'

const HOME = { name: 'Li Ming', phone: '13800138000', address: '8 Yingbin Road, Huarong' }

test('a complete contact has no problems, however its phone number is written', () => {
  expect(contactProblems(HOME).size).toBe(0)
  expect(contactProblems({ ...HOME, phone: '+86 138-0013-8000' }).size).toBe(0)
})

test.each([
  ['name', { name: '  ' }],
  ['phone', { phone: '12345' }],
  ['phone', { phone: '0730 1234567' }],
  ['address', { address: 'here' }],
] as const)('a missing %s is noticed', (field, change) => {
  expect([...contactProblems({ ...HOME, ...change })]).toEqual([field])
})

test('a phone number is shown in groups, and a label is one line', () => {
  expect(spokenPhone('13800138000')).toBe('138 0013 8000')
  expect(spokenPhone('110')).toBe('110')
  expect(labelText(HOME)).toBe('Li Ming 13800138000 8 Yingbin Road, Huarong')
})
