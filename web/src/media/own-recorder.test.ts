// How a host's own recording becomes a row of files, and what happens when a browser refuses.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeStream, FakeTrack } from './fakes'
import { FILE_MS, type OwnFile, OwnRecorder, type OwnRecorderState, recordingType } from './own-recorder'

class FakeRecorder {
  state: RecordingState = 'inactive'
  onstart: (() => void) | null = null
  onstop: (() => void) | null = null
  onerror: (() => void) | null = null
  ondataavailable: ((event: { data: Blob }) => void) | null = null
  constructor(
    readonly stream: MediaStream,
    readonly mimeType: string,
  ) {}

  start(): void {
    this.state = 'recording'
    this.onstart?.()
  }

  stop(): void {
    this.state = 'inactive'
    this.ondataavailable?.({ data: new Blob(['video']) })
    this.onstop?.()
  }
}

function makeRecorder(refuse = false) {
  const made: FakeRecorder[] = []
  const files: OwnFile[] = []
  const states: OwnRecorderState['name'][] = []
  const recorder = new OwnRecorder({
    bitsPerSecond: 2_000_000,
    serverNow: () => Date.now() + 5_000,
    nowMs: () => Date.now(),
    onFile: (file) => files.push(file),
    onState: ({ name }) => states.push(name),
    isSupported: (type) => type.includes('webm'),
    createRecorder: (stream, options) => {
      if (refuse) throw new DOMException('no', 'NotSupportedError')
      const one = new FakeRecorder(stream, options.mimeType ?? '')
      made.push(one)
      return one as unknown as MediaRecorder
    },
    logEdge: () => undefined,
  })
  const camera = new FakeStream([new FakeTrack('video'), new FakeTrack('audio')])
  return { recorder, made, files, states, camera: camera as unknown as MediaStream }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 100_000 })
  vi.stubGlobal(
    'MediaStream',
    class {
      constructor(readonly tracks: unknown[]) {}
    },
  )
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a host’s own recording', () => {
  test('is a row of files that overlap, by the server’s clock', () => {
    const { recorder, files, camera } = makeRecorder()
    recorder.start(camera)
    vi.advanceTimersByTime(2 * FILE_MS + 1_000)
    recorder.stop()
    expect(files.map(({ startedMs, durationMs }) => [startedMs, durationMs])).toEqual([
      [105_000, 10_500],
      [115_000, 10_500],
      [125_000, 1_000],
    ])
  })

  test('leaves out a file over which the page was frozen', () => {
    const { recorder, files, camera } = makeRecorder()
    recorder.start(camera)
    vi.advanceTimersByTime(FILE_MS + 1_000)
    vi.setSystemTime(Date.now() + 80_000)
    vi.advanceTimersByTime(2 * FILE_MS)
    recorder.stop()
    expect(files.map(({ startedMs }) => startedMs)).toEqual([105_000, 205_000, 215_000])
  })

  test('begins a new file when the camera is turned', () => {
    const { recorder, made, camera } = makeRecorder()
    recorder.start(camera)
    vi.advanceTimersByTime(4_000)
    recorder.tracksChanged()
    vi.advanceTimersByTime(1_000)
    expect(made.map(({ state }) => state)).toEqual(['inactive', 'recording'])
  })

  test('is given up after three refusals, and nobody hears an error', () => {
    const { recorder, states, camera } = makeRecorder(true)
    recorder.start(camera)
    vi.advanceTimersByTime(10 * FILE_MS)
    expect(states).toEqual(['recording', 'broken'])
  })

  test('leaves nothing running when it ends', () => {
    const { recorder, made, camera } = makeRecorder()
    recorder.start(camera)
    recorder.stop()
    vi.advanceTimersByTime(10 * FILE_MS)
    expect(made.map(({ state }) => state)).toEqual(['inactive'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is H.264 where a browser offers it', () => {
    expect(recordingType(() => true)).toContain('avc1')
    expect(recordingType((type) => type.includes('vp8'))).toContain('vp8')
    expect(recordingType(() => false)).toBeNull()
  })
})
