// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it } from 'vitest'
import { ref } from 'vue'
import type { Lesson } from '@/api/types'
import { useDataUse } from '@/lib/data-use'
import { useBudget } from './use-budget'

const MB = 1_000_000
const lesson = ref({
  duration_ms: 600_000, bytes: 8 * MB, renditions: [{ name: '144p', width: 256, height: 144, bandwidth: 1, bytes: 8 * MB }], sounds: [],
} as unknown as Lesson)

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
})

it('who said "not now" is asked again with the next wish, until there is data', () => {
  useDataUse().limitTo(MB)
  const budget = useBudget(lesson, ref('auto'))
  expect(budget.loaded(MB, 60_000)).toBe(false)
  budget.dismiss()
  expect(budget.loaded(0, 60_000)).toBe(false)
  expect(budget.asking.value).not.toBeNull()
  budget.dismiss()
  useDataUse().limitTo(null)
  expect([budget.loaded(0, 60_000), budget.asking.value]).toEqual([true, null])
})
