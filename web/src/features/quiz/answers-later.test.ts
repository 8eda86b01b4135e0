// Answers given in the field are handed in once, under the name of who gave them.
// @vitest-environment happy-dom
import { beforeEach, expect, it, vi } from 'vitest'
import { answersHere, handInAnswers, keepAnswers } from './answers-later'

let signedIn: string
let handedIn: [string, unknown][]
let status: number
let code: string

function answer(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
}

beforeEach(() => {
  localStorage.clear()
  signedIn = 'li'
  handedIn = []
  status = 201
  vi.stubGlobal('fetch', async (path: string, { body }: RequestInit = {}) => {
    if (path === '/api/session') return answer({ user: { id: signedIn, roles: [] } })
    if (status >= 400) return answer({ code }, status)
    handedIn.push([path, JSON.parse(String(body))])
    return answer({ passed: true, answers: [], mine: {} }, status)
  })
})

it('hands in the last answers of each lesson once', async () => {
  keepAnswers('li', { lessonId: '1', version: 3, chosen: { a: [0] } })
  keepAnswers('li', { lessonId: '2', version: 1, chosen: { b: [1] } })
  keepAnswers('li', { lessonId: '1', version: 3, chosen: { a: [2] } })
  await handInAnswers('li')
  await handInAnswers('li')
  expect(handedIn).toEqual([
    ['/api/lessons/2/quiz/attempts', { version: 1, answers: { b: [1] } }],
    ['/api/lessons/1/quiz/attempts', { version: 3, answers: { a: [2] } }],
  ])
  expect(answersHere('li', '1')).toBeNull()
})

it('hands in nothing under the name of who has signed in meanwhile', async () => {
  keepAnswers('li', { lessonId: '1', version: 3, chosen: { a: [0] } })
  signedIn = 'wang'
  await handInAnswers('li')
  await handInAnswers('wang')
  expect([handedIn, answersHere('wang', '1'), answersHere('li', '1')?.chosen]).toEqual([[], null, { a: [0] }])
})

it.each([
  [503, 'unavailable', true],
  [429, 'too_many_attempts', true],
  [409, 'quiz_changed', false],
])('after %i %s the answers are kept: %s', async (failed, why, isKept) => {
  keepAnswers('li', { lessonId: '1', version: 3, chosen: { a: [0] } })
  status = failed
  code = why
  await handInAnswers('li')
  expect(answersHere('li', '1') !== null).toBe(isKept)
})
