// Fetches one file over a line that may be very slow: given up only when nothing comes any more, and tried again after faults.
import type { Trouble } from './pack'

const STALL_MS = 45_000
const AGAIN_AFTER_MS = [1_000, 4_000, 15_000]

export class PackTrouble extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble)
  }
}

/** What came over the line, also of a try that was given up: it was paid for. */
export type OnBytes = (bytes: number) => void

/** Rejects with PackTrouble, or with the signal's reason when it was stopped. */
export async function fetchFile(path: string, signal: AbortSignal, onBytes: OnBytes): Promise<Blob> {
  for (const pause of AGAIN_AFTER_MS) {
    try {
      return await attempt(path, signal, onBytes)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof PackTrouble && error.trouble !== 'network') throw error
      await rest(pause, signal)
    }
  }
  return attempt(path, signal, onBytes)
}

async function attempt(path: string, signal: AbortSignal, onBytes: OnBytes): Promise<Blob> {
  const controller = new AbortController()
  const stop = () => controller.abort()
  let timer = setTimeout(stop, STALL_MS)
  let received = 0
  const moved = (bytes: number) => {
    received += bytes
    clearTimeout(timer)
    timer = setTimeout(stop, STALL_MS)
  }
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted?.()
    const response = await fetch(path, { signal: controller.signal, priority: 'low' })
    if (response.status === 404) throw new PackTrouble('gone')
    if (!response.ok) throw new PackTrouble('network')
    return await bodyOf(response, moved)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw error instanceof PackTrouble ? error : new PackTrouble('network')
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    onBytes(received)
  }
}

async function bodyOf(response: Response, moved: OnBytes): Promise<Blob> {
  const type = response.headers.get('Content-Type') ?? ''
  const reader = response.body?.getReader()
  if (!reader) return new Blob([], { type })
  const parts: BlobPart[] = []
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    moved(piece.value.byteLength)
    parts.push(piece.value)
  }
  return new Blob(parts, { type })
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
