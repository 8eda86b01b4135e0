import { expect, it } from 'vitest'
import { issuedOn } from './issued'

it('is the day in China, also when it is still yesterday in Greenwich', () => {
  expect(issuedOn('2026-11-27T15:59:59.999Z')).toBe('2026-11-27')
  expect(issuedOn('2026-11-27T16:00:00.000Z')).toBe('2026-11-28')
})
