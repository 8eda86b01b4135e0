// Shapes of server/PROTOCOL.md of what is watched: courses, lessons, clips, what fills a gap.
import type { Iso } from './wire-types'

export interface CourseTags {
  crops: string[]
  seasons: string[]
  counties: string[]
}

export interface CourseChapter {
  title: string
  lesson_ids: string[]
}

export interface Course {
  id: string
  title: string
  summary: string
  cover_url: string | null
  teacher_name: string
  lesson_count: number
  tags: CourseTags
  /** Gathers somebody's broadcasts; has no certificate. */
  is_replays: boolean
}

export interface CourseWithLessons extends Course {
  chapters: CourseChapter[]
  lessons: LessonSummary[]
}

export type LessonState = 'waiting' | 'working' | 'ready' | 'failed'

export interface LessonSummary {
  id: string
  title: string
  course_id: string | null
  host_name: string
  poster_url: string | null
  duration_ms: number
  /** What watching it in the smallest picture costs. */
  bytes: number
  /** There is something to play, maybe before all sizes of its picture are made. */
  watchable: boolean
  state: LessonState
  /** 0…1, of the work still going on. */
  progress: number
  created_at: Iso
  /** Where its learner is. */
  position_ms: number
  /** How much of it was watched, nothing counted twice. */
  watched_ms: number
  done: boolean
}

export interface Rendition {
  name: string
  width: number
  height: number
  bandwidth: number
  bytes: number
}

export interface Sound {
  name: string
  playlist_url: string
  bandwidth: number
  bytes: number
}

export interface Chapter {
  start_ms: number
  end_ms: number
  title: string
  product_id: string | null
}

/** What a worker does with the video at the moment. */
export type MakingStage = 'look' | 'encode' | 'join'

export interface Lesson extends LessonSummary, LessonProgress {
  host_id: string
  stage: MakingStage | null
  playlist_url: string | null
  /** WebVTT that names small pictures for the seek bar. */
  thumbs_url: string | null
  /** JSON `{duration_ms, peaks: [0…100]}`. */
  waveform_url: string | null
  renditions: Rendition[]
  /** The sound alone, the cheapest first. */
  sounds: Sound[]
  chapters: Chapter[]
  /** Why it could not be made: a code. */
  error: string | null
  subtitles_url: string | null
  /** Only what is watched in order counts. */
  no_skip: boolean
  /** What filling has put into the replay, at places of it as it was before. */
  inserts: Insert[]
  /** What the recording lacks; null for all but its host. */
  gaps: Gap[] | null
  /** What was missing and came from the host's own recording; null for all but its host. */
  filled: Gap[] | null
}

/** What a broadcast's recording lacks, and how the filling of that stands. */
export interface Fill {
  state: 'waiting' | 'whole' | 'open' | 'making' | 'filled' | 'failed'
  holes: Hole[]
  /** `started_ms` of those that the server has. */
  files: string[]
}

/** By the server's clock. */
export interface Hole {
  from: string
  to: string
}

/** On the broadcast's own timeline; `at_ms`: where that is in the replay. */
export interface Gap {
  start_ms: number
  end_ms: number
  at_ms: number
}

export interface Insert {
  at_ms: number
  length_ms: number
}

/** A lesson as it is the same for everybody, without what one learner did. */
export type PublicLesson = Omit<Lesson, keyof LessonProgress | 'gaps' | 'filled'>

export type Interval = [from_ms: number, to_ms: number]

export interface LessonProgress {
  position_ms: number
  watched_ms: number
  /** How far it was watched from the start without a hole. */
  reached_ms: number
  intervals: Interval[]
  done: boolean
}

export interface Clip {
  id: string
  lesson_id: string
  product_id: string | null
  pinned_lesson_id: string | null
  title: string
  video_url: string
  poster_url: string | null
  duration_ms: number
  /** Where it begins in the replay. */
  at_ms: number
}

/** A clip as its host sees it; its span is in the replay. */
export interface OwnClip {
  id: string
  lesson_id: string
  product_id: string | null
  title: string
  start_ms: number
  end_ms: number
  by_host: boolean
  state: 'waiting' | 'working' | 'ready' | 'failed'
  progress: number
  error: string | null
  /** What people see, also while it is being cut anew. */
  shown: Clip | null
}

export interface ClipDraft {
  title: string
  start_ms: number
  end_ms: number
}
