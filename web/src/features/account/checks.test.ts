import { expect, it } from 'vitest'
import { inventedName, normalPhone, registerProblems } from './checks'

const good = { displayName: '李大姐', phone: '138 0000 0000', name: '', password: 'dongting1', byName: false }

it('accepts a phone number however it is typed', () => {
  expect(normalPhone('+86 138-0000-0000')).toBe('13800000000')
  expect(registerProblems(good)).toEqual({})
})

it('names each field that is not right', () => {
  expect(Object.keys(registerProblems({ ...good, displayName: ' ', phone: '12345', password: 'short' }))).toEqual(['displayName', 'phone', 'password'])
  expect(Object.keys(registerProblems({ ...good, byName: true, name: '1abc' }))).toEqual(['name'])
})

it('invents sign-in names that the server accepts and that do not repeat', () => {
  const names = Array.from({ length: 50 }, inventedName)
  expect(new Set(names).size).toBe(50)
  expect(names.every((name) => /^[a-z][a-z0-9_-]{2,31}$/.test(name))).toBe(true)
})
