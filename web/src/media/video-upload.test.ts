// How a video is sent over lines that break, by whom it is gone on with, and when it is given up.
// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type HttpRequest, type HttpResponse, type HttpStack, type PreviousUpload, Upload, type UploadOptions } from 'tus-js-client'
import { fingerprintOf, type Sender, VideoUpload, type VideoUploadState } from './video-upload'

const file = new File([new Uint8Array(100)], '剪枝.mp4', { type: 'video/mp4', lastModified: 5 })
const video = { file, title: '剪枝', courseId: 'c1', userId: 'u1' }

class FakeSender implements Sender {
  url: string | null = null
  starts = 0
  aborts: boolean[] = []
  resumed: PreviousUpload | null = null

  constructor(
    readonly options: UploadOptions,
    private readonly before: PreviousUpload[],
  ) {}

  start(): void {
    this.starts += 1
    this.url = '/api/my/uploads/u9'
  }

  abort(shouldTerminate = false): Promise<void> {
    this.aborts.push(shouldTerminate)
    return Promise.resolve()
  }

  findPreviousUploads = () => Promise.resolve(this.before)

  resumeFromPreviousUpload(upload: PreviousUpload): void {
    this.resumed = upload
  }

  breaks(status: number, code = '', method = 'PATCH'): void {
    const originalResponse = status === 0 ? null : { getStatus: () => status, getBody: () => JSON.stringify({ code }) }
    const error = Object.assign(new Error('broke'), { originalResponse, originalRequest: { getMethod: () => method } })
    this.options.onError?.(error as unknown as Error)
  }
}

async function started(before: PreviousUpload[] = []) {
  const states: VideoUploadState[] = []
  const senders: FakeSender[] = []
  const upload = new VideoUpload(video, {
    open: (_, options) => {
      senders.push(new FakeSender(options, before))
      return Promise.resolve(senders[0] as Sender)
    },
    onState: (state) => states.push(state),
    random: () => 0,
    logEdge: () => undefined,
  })
  upload.start()
  await vi.advanceTimersByTimeAsync(0)
  const [sender] = senders
  if (!sender) throw new Error('nothing was opened')
  return { upload, sender, states, last: () => states.at(-1) }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a video on its way', () => {
  test('is announced with its title and its course, sent, and done', async () => {
    const { sender, last } = await started()
    expect(sender.options.metadata).toEqual({ title: '剪枝', course_id: 'c1' })
    sender.options.onProgress?.(40, 100)
    expect(last()).toEqual({ name: 'sending', sent: 40, size: 100 })
    sender.options.onSuccess?.({} as never)
    expect(last()).toEqual({ name: 'done', id: 'u9' })
  })

  test('goes on with what was sent of the same file before', async () => {
    const before = { urlStorageKey: 'k' } as PreviousUpload
    const { sender } = await started([before])
    expect(sender.resumed).toBe(before)
    expect(await sender.options.fingerprint?.(file, sender.options as never)).toBe(fingerprintOf(video))
    expect(fingerprintOf({ ...video, userId: 'u2' })).not.toBe(fingerprintOf(video))
  })

  test('waits when the line breaks, tries again by itself, and at once when the phone is online', async () => {
    const { sender, last } = await started()
    sender.options.onProgress?.(40, 100)
    sender.breaks(0)
    expect(last()).toEqual({ name: 'waiting', sent: 40, size: 100 })
    await vi.advanceTimersByTimeAsync(250)
    expect([sender.starts, last()?.name]).toEqual([2, 'sending'])
    sender.breaks(503, 'unavailable')
    window.dispatchEvent(new Event('online'))
    await vi.advanceTimersByTimeAsync(0)
    expect(sender.starts).toBe(3)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(sender.starts).toBe(3)
  })

  test('waits longer each time, and from the beginning once something got through', async () => {
    const { sender } = await started()
    for (const wait of [250, 500, 1000]) {
      sender.breaks(0)
      await vi.advanceTimersByTimeAsync(wait - 1)
      const { starts } = sender
      await vi.advanceTimersByTimeAsync(1)
      expect(sender.starts).toBe(starts + 1)
    }
    sender.options.onProgress?.(10, 100)
    sender.breaks(0)
    const { starts } = sender
    await vi.advanceTimersByTimeAsync(250)
    expect(sender.starts).toBe(starts + 1)
  })

  test.each([
    [409, 'wrong_offset', 'PATCH'],
    [404, 'not_found', 'PATCH'],
    [429, 'too_many_requests', 'POST'],
  ])('asks the server again after %i %s', async (status, code, method) => {
    const { sender, last } = await started()
    sender.breaks(status, code, method)
    expect(last()?.name).toBe('waiting')
  })

  test.each([
    [415, 'not_a_video', 'PATCH'],
    [413, 'body_too_large', 'POST'],
    [409, 'too_many_uploads', 'POST'],
    [404, 'not_found', 'POST'],
    [503, 'no_room', 'POST'],
    [401, 'sign_in_required', 'PATCH'],
  ])('says what is wrong after %i %s, and tries again when somebody asks for it', async (status, code, method) => {
    const { upload, sender, last } = await started()
    sender.breaks(status, code, method)
    expect(last()).toEqual({ name: 'failed', code })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(sender.starts).toBe(1)
    upload.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(sender.starts).toBe(2)
  })

  test('stands still while paused, also when the line comes back', async () => {
    const { upload, sender, last } = await started()
    upload.pause()
    expect([sender.aborts, last()?.name]).toEqual([[false], 'paused'])
    window.dispatchEvent(new Event('online'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(sender.starts).toBe(1)
    upload.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(sender.starts).toBe(2)
  })

  test('is forgotten by the server when nobody wants it any more', async () => {
    const { upload, sender, last } = await started()
    await upload.drop()
    expect([sender.aborts, last()?.name]).toEqual([[true], 'dropped'])
  })

  test('tells nobody anything after the page has gone, and is not forgotten', async () => {
    const { upload, sender, states } = await started()
    upload.destroy()
    const told = states.length
    sender.breaks(0)
    window.dispatchEvent(new Event('online'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect([states.length, sender.starts, sender.aborts]).toEqual([told, 1, [false]])
  })
})

/** What the tus client speaks over: each request is answered with the next of these. */
class Answers implements HttpStack {
  readonly asked: string[] = []

  constructor(private readonly next: [status: number, headers?: Record<string, string>][]) {}

  createRequest(method: string, url: string): HttpRequest {
    return {
      getMethod: () => method,
      getURL: () => url,
      setHeader: () => undefined,
      getHeader: () => undefined,
      setProgressHandler: () => undefined,
      send: () => Promise.resolve(this.answer(method)),
      abort: () => Promise.resolve(),
      getUnderlyingObject: () => null,
    }
  }

  getName = () => 'answers'

  private answer(method: string): HttpResponse {
    this.asked.push(method)
    const [status, headers = {}] = this.next.shift() ?? [0]
    return { getStatus: () => status, getHeader: (name) => headers[name], getBody: () => '', getUnderlyingObject: () => null }
  }
}

describe('asking the server how far an upload is', () => {
  const kept = { uploadUrl: 'https://farm.test/api/my/uploads/u9', urlStorageKey: 'k' } as PreviousUpload
  const whole = { 'Upload-Offset': '100', 'Upload-Length': '100' }

  async function resumed(...next: ConstructorParameters<typeof Answers>[0]) {
    const stack = new Answers(next)
    const states: VideoUploadState[] = []
    const removed: string[] = []
    const upload = new VideoUpload(video, {
      open: (_, options) => {
        const urlStorage = {
          findAllUploads: () => Promise.resolve([kept]),
          findUploadsByFingerprint: () => Promise.resolve([kept]),
          removeUpload: (key: string) => Promise.resolve(void removed.push(key)),
          addUpload: () => Promise.resolve('k'),
        }
        const source = { size: 100, slice: () => Promise.resolve({ value: new Uint8Array(100), done: true }), close: () => undefined }
        const fileReader = { openFile: () => Promise.resolve(source) }
        return Promise.resolve(new Upload(file, { ...options, endpoint: 'https://farm.test/api/my/uploads', httpStack: stack, urlStorage, fileReader }))
      },
      onState: (state) => states.push(state),
      random: () => 0,
      logEdge: () => undefined,
    })
    upload.start()
    await vi.advanceTimersByTimeAsync(0)
    return { upload, stack, removed, last: () => states.at(-1) }
  }

  test.each([502, 503, 429, 409, 423])('is done again after %i, and nothing of it is given up', async (status) => {
    const { stack, removed, last } = await resumed([status], [200, whole])
    expect([stack.asked, last()?.name]).toEqual([['HEAD'], 'waiting'])
    await vi.advanceTimersByTimeAsync(250)
    expect([stack.asked, last(), removed]).toEqual([['HEAD', 'HEAD'], { name: 'done', id: 'u9' }, ['k']])
  })

  test.each([401, 403])('waits for somebody who signs in again after %i', async (status) => {
    const { upload, stack, removed, last } = await resumed([status], [200, whole])
    expect([last(), removed]).toEqual([{ name: 'failed', code: 'sign_in_required' }, []])
    upload.start()
    await vi.advanceTimersByTimeAsync(0)
    expect([stack.asked, last()]).toEqual([['HEAD', 'HEAD'], { name: 'done', id: 'u9' }])
  })

  test.each([404, 410])('begins a new one after %i: the server has none', async (status) => {
    const { stack, removed } = await resumed([status], [503])
    expect([stack.asked, removed]).toEqual([['HEAD', 'POST'], ['k']])
  })
})
