// A course while its teacher puts it in order: chapters with lessons, moved up and down, in and out.
import type { CourseChapter, CourseTags, OwnCourse } from '@/api/types'

export type Direction = -1 | 1

const swapped = <T>(list: readonly T[], at: number, to: number): T[] => {
  const next = [...list]
  const [one, other] = [next[at], next[to]]
  if (one === undefined || other === undefined) return next
  next[at] = other
  next[to] = one
  return next
}

export const moveChapter = (chapters: readonly CourseChapter[], at: number, by: Direction): CourseChapter[] =>
  swapped(chapters, at, at + by)

/** Within its chapter, and at its edge into the next one. */
export function moveLesson(chapters: readonly CourseChapter[], chapter: number, at: number, by: Direction): CourseChapter[] {
  const from = chapters[chapter]
  const id = from?.lesson_ids[at]
  if (!from || id === undefined) return [...chapters]
  const to = at + by
  if (to >= 0 && to < from.lesson_ids.length) {
    return chapters.map((one, index) => (index === chapter ? { ...one, lesson_ids: swapped(one.lesson_ids, at, to) } : one))
  }
  const neighbour = chapter + by
  if (!chapters[neighbour]) return [...chapters]
  return chapters.map((one, index) => {
    if (index === chapter) return { ...one, lesson_ids: one.lesson_ids.filter((other) => other !== id) }
    if (index !== neighbour) return one
    return { ...one, lesson_ids: by > 0 ? [id, ...one.lesson_ids] : [...one.lesson_ids, id] }
  })
}

export const dropLesson = (chapters: readonly CourseChapter[], id: string): CourseChapter[] =>
  chapters.map((one) => ({ ...one, lesson_ids: one.lesson_ids.filter((other) => other !== id) }))

/** Its lessons go with it: they are not lost, they only leave the course. */
export const dropChapter = (chapters: readonly CourseChapter[], at: number): CourseChapter[] => chapters.filter((_, index) => index !== at)

export function addLessons(chapters: readonly CourseChapter[], at: number, ids: readonly string[]): CourseChapter[] {
  const without = ids.reduce<CourseChapter[]>((left, id) => dropLesson(left, id), [...chapters])
  return without.map((one, index) => (index === at ? { ...one, lesson_ids: [...one.lesson_ids, ...ids] } : one))
}

/** Lessons of the course that no chapter names (just uploaded) stand in the last one. */
export function chaptersOf(course: Pick<OwnCourse, 'chapters'>, inCourse: readonly string[], firstTitle: string): CourseChapter[] {
  const known = new Set(inCourse)
  const chapters = course.chapters.map((one) => ({ title: one.title, lesson_ids: one.lesson_ids.filter((id) => known.has(id)) }))
  if (chapters.length === 0) chapters.push({ title: firstTitle, lesson_ids: [] })
  const named = new Set(chapters.flatMap(({ lesson_ids }) => lesson_ids))
  chapters.at(-1)?.lesson_ids.push(...inCourse.filter((id) => !named.has(id)))
  return chapters
}

/** Words between commas, spaces or line ends, each once. */
export const wordsOf = (typed: string): string[] => [...new Set(typed.split(/[\s,，、;；]+/u).filter(Boolean))]

export interface TypedTags {
  crops: string
  seasons: string
  counties: string
}

export const typedTags = (tags: CourseTags): TypedTags => ({
  crops: tags.crops.join(' '),
  seasons: tags.seasons.join(' '),
  counties: tags.counties.join(' '),
})

export const tagsTyped = (typed: TypedTags): CourseTags => ({
  crops: wordsOf(typed.crops),
  seasons: wordsOf(typed.seasons),
  counties: wordsOf(typed.counties),
})
