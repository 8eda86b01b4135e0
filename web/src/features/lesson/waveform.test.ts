import { expect, it } from 'vitest'
import { barsOf, pathOf, readWaveform } from './waveform'

it('draws few bars, each as loud as the loudest it stands for', () => {
  expect(barsOf([1, 9, 2, 3, 0, 7], 3)).toEqual([9, 3, 7])
  expect(barsOf([5, 6], 3)).toEqual([5, 6])
  expect(barsOf(Array.from({ length: 1000 }, (_, at) => at % 101), 90)).toHaveLength(90)
})

it('is one path around the middle, thin where it is silent', () => {
  expect(pathOf([100, 0])).toBe('M0.5 0v100M1.5 48v4')
  expect(pathOf([])).toBe('')
})

it('takes nothing from what is no waveform', () => {
  expect([readWaveform(null), readWaveform({}), readWaveform({ peaks: 'x' }), readWaveform({ peaks: [-1, 'a', 300] })]).toEqual([[], [], [], [0, 0, 100]])
})
