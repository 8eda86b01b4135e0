// Sends a video in pieces (tus): goes on where it stopped, by itself when the line is back, also after the page was closed.
import type { DetailedError, PreviousUpload, UploadOptions } from 'tus-js-client'
import { backoffMs } from './backoff'
import { type EdgeLog, MachineState } from './machine'

interface Sent {
  sent: number
  size: number
}

export type VideoUploadState =
  | { name: 'idle' }
  | ({ name: 'sending' } & Sent)
  /** The line broke: it is tried again. */
  | ({ name: 'waiting' } & Sent)
  | ({ name: 'paused' } & Sent)
  | { name: 'done'; id: string }
  | { name: 'failed'; code: string }
  | { name: 'dropped' }

/** What is used of tus.Upload. */
export interface Sender {
  url: string | null
  start(): void
  abort(shouldTerminate?: boolean): Promise<void>
  findPreviousUploads(): Promise<PreviousUpload[]>
  resumeFromPreviousUpload(upload: PreviousUpload): void
}

export type OpenSender = (file: File, options: UploadOptions) => Promise<Sender>

export interface Video {
  file: File
  title: string
  courseId: string
  /** Whose upload it is: another person on the same phone begins anew. */
  userId: string
}

export interface VideoUploadNeeds {
  open: OpenSender
  onState: (state: VideoUploadState) => void
  random?: () => number
  logEdge?: EdgeLog
}

/** What the server keeps as one part: a line that breaks costs less than this. */
const CHUNK_BYTES = 5 * 1024 * 1024
const ENDPOINT = '/api/my/uploads'
const TRY_AGAIN = [408, 423, 429] as const
/** The server knows nothing of it (any more): it begins anew. */
const GONE = [404, 410] as const
const SIGN_IN = [401, 403] as const

/** Where an upload is could not be asked: the tus client would take any refusal for its end, and begin at 0. */
class HeadRefused extends Error {
  constructor(readonly status: number) {
    super(`HEAD was answered with ${status}`)
  }
}

export const openTus: OpenSender = async (file, options) => new (await import('tus-js-client')).Upload(file, options)

/** What somebody who chooses the same file again goes on with. */
export function fingerprintOf({ file, courseId, userId }: Video): string {
  return ['dongting-video', userId, courseId, file.name, file.size, file.lastModified].join('|')
}

export class VideoUpload {
  private readonly state: MachineState<VideoUploadState>
  private sender: Sender | null = null
  private sent = 0
  private tries = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly onOnline = () => {
    if (this.state.is('waiting')) void this.send()
  }

  constructor(
    private readonly video: Video,
    private readonly needs: VideoUploadNeeds,
  ) {
    this.state = new MachineState<VideoUploadState>('upload', { name: 'idle' }, needs.onState, needs.logEdge)
    window.addEventListener('online', this.onOnline)
  }

  /** Begins, or goes on after a pause or a failure. */
  start(): void {
    if (!this.state.is('idle', 'paused', 'failed')) return
    this.tries = 0
    void this.send()
  }

  pause(): void {
    if (!this.state.is('sending', 'waiting')) return
    this.stop()
    this.state.set({ name: 'paused', ...this.progress })
  }

  /** Wants it no more: the server forgets what it has. */
  async drop(): Promise<void> {
    clearTimeout(this.timer)
    const { sender } = this
    this.state.set({ name: 'dropped' })
    // The server drops by itself what nobody goes on with.
    await sender?.abort(sender.url !== null).catch(() => undefined)
  }

  destroy(): void {
    window.removeEventListener('online', this.onOnline)
    this.stop()
    this.state.finish({ name: 'idle' })
  }

  private get progress(): Sent {
    return { sent: this.sent, size: this.video.file.size }
  }

  private async open(): Promise<Sender> {
    const { file, title, courseId } = this.video
    const sender = await this.needs.open(file, {
      endpoint: ENDPOINT,
      chunkSize: CHUNK_BYTES,
      retryDelays: [], // it is this machine that tries again
      removeFingerprintOnSuccess: true,
      metadata: { title, course_id: courseId },
      fingerprint: () => Promise.resolve(fingerprintOf(this.video)),
      onAfterResponse: (request, response) => checkHead(request.getMethod(), response.getStatus()),
      onProgress: (sent) => this.moved(sent),
      onSuccess: () => this.state.set({ name: 'done', id: this.sender?.url?.split('/').at(-1) ?? '' }),
      onError: (error) => this.broke(error),
    })
    const [before] = await sender.findPreviousUploads()
    if (before) sender.resumeFromPreviousUpload(before)
    return sender
  }

  private moved(sent: number): void {
    if (!this.state.is('sending')) return
    if (sent > this.sent) this.tries = 0
    this.sent = sent
    this.state.set({ name: 'sending', ...this.progress })
  }

  private broke(error: Error | DetailedError): void {
    if ('causingError' in error && error.causingError instanceof HeadRefused) {
      this.unasked(error.causingError.status)
      return
    }
    const answer = 'originalResponse' in error ? error.originalResponse : null
    const status = answer?.getStatus() ?? 0
    const code = codeIn(answer?.getBody() ?? '') ?? 'internal'
    const method = 'originalRequest' in error ? error.originalRequest?.getMethod() : undefined
    // Another place, or none any more: asking the server where it is comes first when it is tried again.
    const isElsewhere = code === 'wrong_offset' || (status === 404 && method === 'PATCH')
    const mayPass = status === 0 || (status >= 500 && code !== 'no_room') || TRY_AGAIN.some((one) => one === status)
    if (isElsewhere || mayPass) this.again(`${status} ${code}`)
    else this.state.set({ name: 'failed', code }, `${status} ${code}`)
  }

  /** It is kept where it is, whatever stands between it and the server. */
  private unasked(status: number): void {
    if (SIGN_IN.some((one) => one === status)) this.state.set({ name: 'failed', code: 'sign_in_required' }, `HEAD ${status}`)
    else this.again(`HEAD ${status}`)
  }

  private again(why: string): void {
    if (!this.state.is('sending')) return
    this.state.set({ name: 'waiting', ...this.progress }, why)
    this.tries += 1
    this.timer = setTimeout(() => void this.send(), backoffMs(this.tries, this.needs.random))
  }

  private async send(): Promise<void> {
    clearTimeout(this.timer)
    this.state.set({ name: 'sending', ...this.progress })
    try {
      this.sender ??= await this.open()
    } catch {
      this.again('opening failed') // what sends is loaded over the same weak line
      return
    }
    if (this.state.is('sending')) this.sender.start()
  }

  private stop(): void {
    clearTimeout(this.timer)
    void this.sender?.abort().catch(() => undefined)
  }
}

function checkHead(method: string, status: number): void {
  if (method === 'HEAD' && status >= 400 && !GONE.some((one) => one === status)) throw new HeadRefused(status)
}

function codeIn(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { code?: string }).code
  } catch {
    return undefined
  }
}
