// Keeps one sitting with a lesson within the month's data: lowers what is loaded as it runs out, asks before going over.
import { computed, ref, shallowRef, type Ref } from 'vue'
import type { Lesson } from '@/api/types'
import { useDataUse } from '@/lib/data-use'
import type { Quality } from './quality'
import { thrift } from './thrift'

export interface BudgetQuestion {
  /** What is left of the month, and what the cheapest way to the end costs. */
  leftBytes: number
  bytes: number
}

export function useBudget(lesson: Ref<Lesson>, wish: Ref<Quality>) {
  const data = useDataUse()
  const most = ref<(Quality & number) | null>(null)
  const asking = shallowRef<BudgetQuestion | null>(null)
  const isOver = ref(false) // he said yes: not asked again in this sitting

  function ask(leftBytes: number, bytes: number): false {
    asking.value = { leftBytes, bytes }
    return false
  }

  return {
    most,
    asking,
    /** A word beside the picture: it is not as wished, and why. */
    isLowered: computed(() => most.value !== null && most.value !== wish.value),
    /** Before the first byte; false: first he is asked. */
    mayStart: (fromMs: number): boolean => {
      const left = data.leftNow()
      if (isOver.value || left === null) return true
      const plan = thrift(lesson.value, wish.value, fromMs, left)
      if (plan.kind === 'short') return ask(left, plan.bytes)
      most.value = plan.kind === 'lower' ? plan.most : null
      return true
    },
    /** After each piece; false: no more may come before he has answered. */
    loaded: (bytes: number, untilMs: number): boolean => {
      data.note(bytes)
      const left = data.leftNow()
      if (isOver.value || left === null) return true
      const plan = thrift(lesson.value, most.value ?? wish.value, untilMs, left)
      if (plan.kind !== 'fits' && left <= 0) return ask(left, plan.kind === 'short' ? plan.bytes : 0)
      if (plan.kind === 'lower') most.value = plan.most
      if (plan.kind === 'short') most.value = plan.cheapest
      return true
    },
    /** On, in the cheapest way there is: he may choose another one. */
    goOver: () => {
      const plan = thrift(lesson.value, wish.value, 0, 0)
      if (plan.kind === 'short') most.value = plan.cheapest
      isOver.value = true
      asking.value = null
    },
    dismiss: () => (asking.value = null),
    /** He chose what to see: the bound is found anew with the next piece. */
    chosen: () => (most.value = null),
  }
}
