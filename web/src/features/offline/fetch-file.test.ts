import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { fetchFile } from './fetch-file'

type Send = (pieces: ReadableStreamDefaultController<Uint8Array>) => void

/** Answers with a body that `send` brings, and ends when it is given up, as a browser's fetch does. */
function answers(send: Send, status = 200) {
  return vi.fn(async (_path: string, { signal }: { signal: AbortSignal }) => {
    const body = new ReadableStream<Uint8Array>({
      start(pieces) {
        signal.addEventListener('abort', () => pieces.error(new DOMException('', 'AbortError')))
        send(pieces)
      },
    })
    return new Response(body, { status })
  })
}

const BYTE = new Uint8Array(1)
const never = new AbortController().signal

let counted: number
const count = (bytes: number) => (counted += bytes)

beforeEach(() => {
  counted = 0
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('a file that takes many minutes is fetched once as long as something comes', async () => {
  const fetch = answers((pieces) => {
    let sent = 0
    const timer = setInterval(() => {
      pieces.enqueue(BYTE)
      sent += 1
      if (sent < 20) return
      clearInterval(timer)
      pieces.close()
    }, 30_000)
  })
  vi.stubGlobal('fetch', fetch)
  const file = fetchFile('/a.m4s', never, count)
  await vi.advanceTimersByTimeAsync(20 * 30_000)
  expect([(await file).size, fetch.mock.calls.length]).toEqual([20, 1])
})

it('a file from which nothing comes any more is tried again, and at last given up', async () => {
  const fetch = answers((pieces) => pieces.enqueue(BYTE))
  vi.stubGlobal('fetch', fetch)
  const end = fetchFile('/a.m4s', never, count).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(10 * 60_000)
  expect(await end).toMatchObject({ trouble: 'network' })
  expect(fetch).toHaveBeenCalledTimes(4)
  expect(counted).toBe(4) // each try has cost its byte
})

it('a line that breaks once costs a moment, not the download', async () => {
  const whole = answers((pieces) => {
    pieces.enqueue(BYTE)
    pieces.close()
  })
  vi.stubGlobal('fetch', vi.fn(whole).mockRejectedValueOnce(new TypeError('network')))
  const file = fetchFile('/a.m4s', never, count)
  await vi.advanceTimersByTimeAsync(1_000)
  expect((await file).size).toBe(1)
})

it('what is gone is not asked for again', async () => {
  const fetch = answers((pieces) => pieces.close(), 404)
  vi.stubGlobal('fetch', fetch)
  await expect(fetchFile('/a.m4s', never, count)).rejects.toMatchObject({ trouble: 'gone' })
  expect(fetch).toHaveBeenCalledOnce()
})

it('stopped while it waits for the next try it ends at once', async () => {
  const stopping = new AbortController()
  const fetch = vi.fn().mockRejectedValue(new TypeError('network'))
  vi.stubGlobal('fetch', fetch)
  const end = fetchFile('/a.m4s', stopping.signal, count).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(500)
  stopping.abort()
  expect(await end).toMatchObject({ name: 'AbortError' })
  expect(fetch).toHaveBeenCalledOnce()
})

it('what came before it was stopped is counted, too', async () => {
  const stopping = new AbortController()
  vi.stubGlobal('fetch', answers((pieces) => pieces.enqueue(new Uint8Array(700))))
  const end = fetchFile('/a.m4s', stopping.signal, count).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(100)
  stopping.abort()
  expect(await end).toMatchObject({ name: 'AbortError' })
  expect(counted).toBe(700)
})
