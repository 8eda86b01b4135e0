// Which files are brought, in what order, and what is done again after a line was cut.

import { describe, expect, test } from 'vitest'
import { ApiError } from '@/api/errors'
import type { Fill } from '@/api/types'
import { fillGaps, type FillApi, filesFor, type Progress } from './filler'
import { type FileFacts, tooMany } from './own-files'

const BEGAN = Date.parse('2026-11-28T08:00:00.000Z')
const iso = (seconds: number) => new Date(BEGAN + seconds * 1_000).toISOString()
const HOLES = [{ from: iso(20), to: iso(50) }]

function file(from: number, to: number): FileFacts {
  return { streamId: 's1', startedMs: BEGAN + from * 1_000, durationMs: (to - from) * 1_000, bytes: 1_000 }
}
const OWN = [file(0, 10.5), file(10, 20.5), file(20, 30.5), file(30, 40.5), file(40, 50.5), file(50, 60.5), file(60, 70.5)]

class FakeServer implements FillApi {
  fill: Fill = { state: 'open', holes: HOLES, files: [] }
  brought: number[] = []
  failAt: { startedMs: number; error: ApiError } | null = null

  look(): Promise<Fill> {
    return Promise.resolve(this.fill)
  }

  put({ startedMs }: FileFacts): Promise<unknown> {
    if (this.failAt?.startedMs === startedMs) return Promise.reject(this.failAt.error)
    this.brought.push((startedMs - BEGAN) / 1_000)
    this.fill = { ...this.fill, files: [...this.fill.files, String(startedMs)] }
    return Promise.resolve(null)
  }

  begin(): Promise<Fill> {
    this.fill = { state: 'making', holes: [], files: [] }
    return Promise.resolve(this.fill)
  }
}

function bring(server: FakeServer, own = OWN) {
  const told: Progress[] = []
  const outcome = fillGaps('s1', own, { video: () => Promise.resolve(new Blob(['x'])) }, server, (progress) => told.push(progress))
  return { outcome, told }
}

describe('filling gaps', () => {
  test('only files at a hole are brought, and those beside it, whose sound tells the place', async () => {
    expect(filesFor(HOLES, OWN).map(({ startedMs }) => (startedMs - BEGAN) / 1_000)).toEqual([10, 20, 30, 40, 50])
    const server = new FakeServer()
    const { outcome, told } = bring(server)
    expect(await outcome).toBe('waiting')
    expect(server.brought).toEqual([10, 20, 30, 40, 50])
    expect(server.fill.state).toBe('making')
    expect(told.at(-1)).toEqual({ done: 5, of: 5 })
  })

  test('with nothing of a hole in them, files beside it are not brought', () => {
    expect(filesFor(HOLES, [file(10, 20.3), file(50, 60)])).toEqual([])
  })

  test('after a cut line it goes on where it stopped', async () => {
    const server = new FakeServer()
    server.failAt = { startedMs: BEGAN + 30_000, error: new ApiError('offline') }
    expect(await bring(server).outcome).toBe('waiting')
    expect(server.fill.state).toBe('open')
    server.failAt = null
    await bring(server).outcome
    expect(server.brought).toEqual([10, 20, 30, 40, 50])
    expect(server.fill.state).toBe('making')
  })

  test('a file that the server does not want costs only itself', async () => {
    for (const [code, status] of [['not_a_video', 415], ['bad_request', 400], ['not_wanted', 409]] as const) {
      const server = new FakeServer()
      server.failAt = { startedMs: BEGAN + 30_000, error: new ApiError(code, '', status) }
      await bring(server).outcome
      expect(server.brought).toEqual([10, 20, 40, 50])
      expect(server.fill.state).toBe('making')
    }
  })

  test('who is signed out brings nothing and keeps everything for later', async () => {
    const server = new FakeServer()
    server.failAt = { startedMs: BEGAN + 10_000, error: new ApiError('sign_in_required', '', 401) }
    expect(await bring(server).outcome).toBe('waiting')
    expect(server.fill.state).toBe('open')
  })

  test('what is over, whole, not covered or deleted is put away', async () => {
    const server = new FakeServer()
    for (const [state, outcome] of [['whole', 'nothing'], ['filled', 'filled'], ['waiting', 'waiting'], ['making', 'waiting']] as const) {
      server.fill = { state, holes: [], files: [] }
      expect(await bring(server).outcome).toBe(outcome)
    }
    server.fill = { state: 'open', holes: HOLES, files: [] }
    expect(await bring(server, [file(100, 110)]).outcome).toBe('nothing')
    server.look = () => Promise.reject(new ApiError('not_found', '', 404))
    expect(await bring(server).outcome).toBe('nothing')
    server.look = () => Promise.reject(new ApiError('not_allowed', '', 403))
    expect(await bring(server).outcome).toBe('waiting')
  })

  test('what the server could not do it is asked for again, until it says no more', async () => {
    const server = new FakeServer()
    server.fill = { state: 'failed', holes: [], files: [] }
    expect(await bring(server).outcome).toBe('waiting')
    expect(server.fill.state).toBe('making')
    server.fill = { state: 'failed', holes: [], files: [] }
    server.begin = () => Promise.resolve(server.fill)
    expect(await bring(server).outcome).toBe('failed')
  })

  test('a recording that is not complete yet is waited for', async () => {
    const server = new FakeServer()
    server.failAt = { startedMs: BEGAN + 10_000, error: new ApiError('not_ready', '', 409) }
    expect(await bring(server).outcome).toBe('waiting')
    expect(server.fill.state).toBe('open')
  })

  test('nothing more is brought from the moment a broadcast begins', async () => {
    // given: it begins while the second file is under way
    const server = new FakeServer()
    const starting = new AbortController()
    const put = server.put.bind(server)
    server.put = (file) => {
      if (file.startedMs === BEGAN + 20_000) starting.abort()
      return put(file)
    }
    // when
    const outcome = await fillGaps('s1', OWN, { video: () => Promise.resolve(new Blob(['x'])) }, server, () => undefined, starting.signal)
    // then
    expect(outcome).toBe('waiting')
    expect(server.brought).toEqual([10, 20])
    expect(server.fill.state).toBe('open')
  })

  test('the oldest files go first when the room is full', () => {
    expect(tooMany(OWN, 1_000, 8_000)).toEqual([])
    expect(tooMany(OWN, 1_000, 5_500)).toEqual(OWN.slice(0, 3))
    expect(tooMany([], 10, 5)).toEqual([])
  })
})
