// What the academy says over HTTP, as PROTOCOL.md describes it; changed in the same commit as that file.
import type { Course, CourseChapter, CourseTags, LessonSummary } from './lesson-types'

export type CourseState = 'draft' | 'published'

/** A course in the hands of its teacher. */
export interface OwnCourse extends Course {
  state: CourseState
  version: number
  no_skip: boolean
  chapters: CourseChapter[]
}

export interface CourseChange {
  version: number
  title?: string
  summary?: string
  cover_url?: string
  tags?: CourseTags
  no_skip?: boolean
}

/** A text cut into parts, each with whether it is what was looked for. */
export type Pieces = { text: string; hit: boolean }[]

export interface FoundPassage {
  kind: 'about' | 'chapter' | 'said'
  /** Where it is said. */
  start_ms: number | null
  pieces: Pieces
}

export interface FoundLesson extends LessonSummary {
  found: { title: Pieces; passages: FoundPassage[] }
}

export interface SubtitleLine {
  start_ms: number
  end_ms: number
  text: string
}

export interface QuizQuestion {
  id: string
  /** The lesson stops there; null: after its end. */
  at_ms: number | null
  text: string
  options: string[]
  /** More than one option is right. */
  several: boolean
}

export interface QuizStanding {
  /** Questions in the lesson that were answered rightly once. */
  right_ids: string[]
  attempts: number
  passed_at: string | null
}

export interface Quiz {
  version: number
  pass_percent: number
  questions: QuizQuestion[]
  mine: QuizStanding
}

export interface JudgedAnswer {
  question_id: string
  chosen: number[]
  is_right: boolean
  right: number[] | null // null: not told until it is answered rightly or passed
  why: string | null
}

export interface Judged {
  passed: boolean
  answers: JudgedAnswer[]
  mine: QuizStanding
}

/** A question as its teacher writes it; a new one has no id. */
export interface OwnQuestion {
  id?: string
  at_ms: number | null
  text: string
  options: string[]
  right: number[]
  why: string
}

export interface OwnQuiz {
  version: number
  pass_percent: number
  questions: OwnQuestion[]
}

export interface Certificate {
  code: string
  /** Masked: 李*. */
  holder: string
  course_id: string
  course_title: string
  teacher_name: string
  lesson_count: number
  total_ms: number
  issued_at: string
}

export interface OwnCertificate extends Certificate {
  name: string
  paper_url: string
}

export interface CertificateWay {
  steps: { lesson_id: string; watched: boolean; quiz_passed: boolean | null }[]
  certificate: OwnCertificate | null
}

export interface LessonQuestion {
  id: string
  lesson_id: string
  lesson_title: string
  author_name: string
  is_mine: boolean
  text: string
  at_ms: number | null
  asked_at: string
  answer: string | null
  answered_at: string | null
}

export interface Notices {
  open_questions: number
  new_answers: number
}

export interface Rating {
  average: number
  count: number
  mine: number | null
  may_rate: boolean
}

export interface LessonFigures {
  learners: number
  done: number
  mean_watched_ms: number
  part_ms: number
  parts: number[]
  quiz: { passed: number; questions: { id: string; text: string; asked: number; right: number }[] }
  rating: { average: number; count: number }
}

/** A video on its way in; `lesson_id` once it is a lesson. */
export interface VideoUpload {
  id: string
  title: string
  course_id: string | null
  size: number
  offset: number
  expires_at: string
  lesson_id: string | null
}
