// Records what the camera shows beside the broadcast, as a row of short files of which each can be played by itself.
import { type EdgeLog, MachineState } from './machine'

/** `broken`: the browser refused several times; the broadcast is not concerned. */
export type OwnRecorderState = { readonly name: 'idle' | 'recording' | 'broken' | 'ended' }

export interface OwnFile {
  /** By the server's clock. */
  readonly startedMs: number
  readonly durationMs: number
  readonly blob: Blob
}

export interface OwnRecorderOptions {
  readonly bitsPerSecond: number
  readonly onFile: (file: OwnFile) => void
  readonly onState?: (state: OwnRecorderState) => void
  /** The server's clock. */
  readonly serverNow: () => number
  readonly nowMs?: () => number
  readonly createRecorder?: (stream: MediaStream, options: MediaRecorderOptions) => MediaRecorder
  readonly isSupported?: (type: string) => boolean
  readonly logEdge?: EdgeLog
}

export const FILE_MS = 10_000
/** The next file begins before one ends: a recorder takes some time until its first picture. */
const OVERLAP_MS = 500
/** While a page is frozen its timers don't fire and nothing is filmed, but time goes on: nobody knows what of such a file is when. */
const LONGEST_FILE_MS = 2 * FILE_MS
const SOUND_BITS_PER_SECOND = 64_000
const TRIES = 3

/** H.264 first: phones have an encoder for it that costs little. */
const TYPES = ['video/mp4;codecs=avc1.42E01F,opus', 'video/mp4;codecs=avc1.42E01F,mp4a.40.2', 'video/webm;codecs=h264,opus', 'video/webm;codecs=vp8,opus']

export function recordingType(isSupported: (type: string) => boolean): string | null {
  return TYPES.find(isSupported) ?? null
}

export function canRecord(): boolean {
  return typeof MediaRecorder !== 'undefined' && recordingType((type) => MediaRecorder.isTypeSupported(type)) !== null
}

interface Running {
  readonly recorder: MediaRecorder
  readonly pieces: Blob[]
  startedMs: number
  sinceMs: number
}

export class OwnRecorder {
  private readonly state: MachineState<OwnRecorderState>
  private readonly nowMs: () => number
  private readonly running = new Set<Running>()
  private stream: MediaStream | null = null
  private timer: ReturnType<typeof setTimeout> | null = null
  private failures = 0

  constructor(private readonly options: OwnRecorderOptions) {
    this.state = new MachineState<OwnRecorderState>('own recorder', { name: 'idle' }, options.onState ?? (() => undefined), options.logEdge)
    this.nowMs = options.nowMs ?? (() => performance.now())
  }

  start(stream: MediaStream): void {
    if (!this.state.is('idle')) return
    this.stream = stream
    this.state.set({ name: 'recording' })
    this.next()
  }

  /** The camera was turned: a recorder can't go on with another track. */
  tracksChanged(): void {
    if (this.state.is('recording')) this.next()
  }

  /** The last file comes a moment later. */
  stop(): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    this.stream = null
    for (const one of this.running) stopQuietly(one.recorder)
    if (!this.state.is('ended')) this.state.set({ name: 'ended' })
  }

  private next(): void {
    if (this.timer) clearTimeout(this.timer)
    const before = [...this.running]
    if (!this.begin()) return
    this.timer = setTimeout(() => this.next(), FILE_MS)
    setTimeout(() => before.forEach(({ recorder }) => stopQuietly(recorder)), OVERLAP_MS)
  }

  private begin(): boolean {
    const type = recordingType(this.options.isSupported ?? ((name) => MediaRecorder.isTypeSupported(name)))
    const tracks = this.stream?.getTracks().filter((track) => track.readyState === 'live') ?? []
    if (!type || tracks.length === 0) return this.fail('nothing to record with')
    const create = this.options.createRecorder ?? ((stream, options) => new MediaRecorder(stream, options))
    try {
      // A stream of its own: the camera's changes its tracks when it is turned, which stops a recorder.
      const recorder = create(new MediaStream(tracks), {
        mimeType: type,
        videoBitsPerSecond: this.options.bitsPerSecond,
        audioBitsPerSecond: SOUND_BITS_PER_SECOND,
      })
      this.follow({ recorder, pieces: [], startedMs: this.options.serverNow(), sinceMs: this.nowMs() })
      recorder.start()
    } catch (error) {
      return this.fail(error instanceof Error ? error.name : '')
    }
    return true
  }

  private follow(one: Running): void {
    this.running.add(one)
    const { recorder } = one
    recorder.onstart = () => {
      one.startedMs = this.options.serverNow()
      one.sinceMs = this.nowMs()
    }
    recorder.ondataavailable = (event) => {
      if (event.data.size > 0) one.pieces.push(event.data)
    }
    recorder.onerror = () => this.fail('recorder failed')
    recorder.onstop = () => {
      this.running.delete(one)
      const durationMs = Math.round(this.nowMs() - one.sinceMs)
      if (one.pieces.length === 0 || durationMs <= 0 || durationMs > LONGEST_FILE_MS) return
      this.failures = 0
      this.options.onFile({ startedMs: Math.round(one.startedMs), durationMs, blob: new Blob(one.pieces, { type: recorder.mimeType }) })
    }
  }

  /** What fails is tried again with the next file, and given up after a few in a row. */
  private fail(why: string): false {
    if (!this.state.is('recording')) return false
    this.failures += 1
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    if (this.failures >= TRIES) {
      for (const one of this.running) stopQuietly(one.recorder)
      this.state.set({ name: 'broken' }, why)
    } else {
      this.timer = setTimeout(() => this.next(), FILE_MS)
    }
    return false
  }
}

function stopQuietly(recorder: MediaRecorder): void {
  if (recorder.state !== 'inactive') recorder.stop()
}
