// The tags of all courses, for tapping instead of typing.
import type { Course } from '@/api/types'

const SHOWN = 12

/** The most used first. */
export function tagsOf(courses: readonly Pick<Course, 'tags'>[]): string[] {
  const uses = new Map<string, number>()
  for (const { tags } of courses) {
    for (const tag of new Set([...tags.crops, ...tags.seasons, ...tags.counties])) uses.set(tag, (uses.get(tag) ?? 0) + 1)
  }
  return [...uses].sort((a, b) => b[1] - a[1]).slice(0, SHOWN).map(([tag]) => tag)
}
