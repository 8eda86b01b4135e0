// HTTP calls of the academy: search, subtitles, quizzes, certificates, questions, a teacher's desk.
import { http, withQuery, type CallOptions } from './client'
import type {
  Certificate,
  CertificateWay,
  CourseChange,
  CourseChapter,
  CourseState,
  FoundLesson,
  Items,
  Judged,
  LessonFigures,
  LessonQuestion,
  LessonSummary,
  Notices,
  OwnCertificate,
  OwnCourse,
  OwnQuestion,
  OwnQuiz,
  Quiz,
  Rating,
  SubtitleLine,
  VideoUpload,
} from './types'

const id = encodeURIComponent
const items = async <T>(answer: Promise<Items<T>>): Promise<T[]> => (await answer).items

export const search = {
  /** Best first. */
  lessons: (q: string, options?: CallOptions) => items(http.get<Items<FoundLesson>>(withQuery('/api/lessons', { q }), options)),
}

export const subtitles = {
  lines: (lessonId: string, options?: CallOptions) =>
    items(http.get<Items<SubtitleLine>>(`/api/lessons/${id(lessonId)}/subtitles`, options)),
  upload: (lessonId: string, file: Blob) =>
    items(http.send<Items<SubtitleLine>>('PUT', `/api/my/lessons/${id(lessonId)}/subtitles`, file)),
  remove: (lessonId: string) => http.delete<null>(`/api/my/lessons/${id(lessonId)}/subtitles`),
}

const course = (courseId: string, rest = '') => `/api/my/courses/${id(courseId)}${rest}`

export const teaching = {
  courses: (options?: CallOptions) => items(http.get<Items<OwnCourse>>('/api/my/courses', options)),
  lessons: (options?: CallOptions) => items(http.get<Items<LessonSummary>>('/api/my/lessons', options)),
  begin: (draft: { title: string; summary: string }) => http.post<OwnCourse>('/api/my/courses', draft),
  change: (courseId: string, change: CourseChange) => http.patch<OwnCourse>(course(courseId), change),
  arrange: (courseId: string, version: number, chapters: CourseChapter[]) =>
    http.put<OwnCourse>(course(courseId, '/lessons'), { version, chapters }),
  publish: (courseId: string, state: CourseState) => http.put<OwnCourse>(course(courseId, '/state'), { state }),
  rename: (lessonId: string, title: string, titleWas: string) =>
    http.patch<LessonSummary>(`/api/my/lessons/${id(lessonId)}`, { title, title_was: titleWas }),
  remove: (lessonId: string) => http.delete<null>(`/api/my/lessons/${id(lessonId)}`),
  quiz: (lessonId: string, options?: CallOptions) => http.get<OwnQuiz>(`/api/my/lessons/${id(lessonId)}/quiz`, options),
  writeQuiz: (lessonId: string, quiz: { version: number; questions: OwnQuestion[]; pass_percent: number }) =>
    http.put<OwnQuiz>(`/api/my/lessons/${id(lessonId)}/quiz`, quiz),
  figures: (lessonId: string, options?: CallOptions) =>
    http.get<LessonFigures>(`/api/my/lessons/${id(lessonId)}/figures`, options),
}

/** Sending is done by `VideoUpload`. */
export const uploads = {
  unfinished: (options?: CallOptions) => http.get<Items<VideoUpload> & { most_bytes: number }>('/api/my/uploads', options),
  get: (uploadId: string) => http.get<VideoUpload>(`/api/my/uploads/${id(uploadId)}`),
  drop: (uploadId: string) => http.delete<null>(`/api/my/uploads/${id(uploadId)}`, { headers: { 'Tus-Resumable': '1.0.0' } }),
}

export const quizzes = {
  get: (lessonId: string, options?: CallOptions) => http.get<Quiz>(`/api/lessons/${id(lessonId)}/quiz`, options),
  answer: (lessonId: string, question_id: string, chosen: number[]) =>
    http.post<Judged>(`/api/lessons/${id(lessonId)}/quiz/answers`, { question_id, chosen }),
  finish: (lessonId: string, version: number, answers: Record<string, number[]>) =>
    http.post<Judged>(`/api/lessons/${id(lessonId)}/quiz/attempts`, { version, answers }),
}

export const certificates = {
  way: (courseId: string, options?: CallOptions) =>
    http.get<CertificateWay>(`/api/courses/${id(courseId)}/certificate`, options),
  take: (courseId: string, name: string) => http.post<OwnCertificate>(`/api/courses/${id(courseId)}/certificate`, { name }),
  mine: (options?: CallOptions) => items(http.get<Items<OwnCertificate>>('/api/my/certificates', options)),
  check: (code: string, options?: CallOptions) => http.get<Certificate>(`/api/certificates/${id(code)}`, options),
}

export const lessonQuestions = {
  list: (lessonId: string, before = '', options?: CallOptions) =>
    items(http.get<Items<LessonQuestion>>(withQuery(`/api/lessons/${id(lessonId)}/questions`, { before }), options)),
  ask: (lessonId: string, text: string, at_ms: number | null) =>
    http.post<LessonQuestion>(`/api/lessons/${id(lessonId)}/questions`, { text, at_ms }),
  remove: (questionId: string) => http.delete<null>(`/api/lesson-questions/${id(questionId)}`),
  waiting: (options?: CallOptions) => items(http.get<Items<LessonQuestion>>('/api/my/lesson-questions', options)),
  answer: (questionId: string, text: string) =>
    http.put<LessonQuestion>(`/api/my/lesson-questions/${id(questionId)}/answer`, { text }),
  mine: (options?: CallOptions) => items(http.get<Items<LessonQuestion>>('/api/my/asked-questions', options)),
  notices: (options?: CallOptions) => http.get<Notices>('/api/my/notices', options),
}

export const ratings = {
  get: (lessonId: string, options?: CallOptions) => http.get<Rating>(`/api/lessons/${id(lessonId)}/rating`, options),
  give: (lessonId: string, stars: number) => http.put<Rating>(`/api/lessons/${id(lessonId)}/rating`, { stars }),
}
