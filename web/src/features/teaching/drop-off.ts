// Where most learners leave a lesson.
import type { LessonFigures } from '@/api/types'

export interface Drop {
  index: number
  at_ms: number
  /** How many left there. */
  left: number
}

const END_SHARE = 0.9 // whoever leaves at the goodbye has learned it all

/** The part that lost most learners against the one before it; null where nobody left. */
export function steepestDrop({ parts, part_ms }: Pick<LessonFigures, 'parts' | 'part_ms'>): Drop | null {
  let worst: Drop | null = null
  for (let index = 1; index < parts.length * END_SHARE; index += 1) {
    const left = (parts[index - 1] ?? 0) - (parts[index] ?? 0)
    if (left > (worst?.left ?? 0)) worst = { index, at_ms: index * part_ms, left }
  }
  return worst
}
