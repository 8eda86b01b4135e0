// The fetch wrapper: JSON in, JSON out, problem+json into ApiError, a timeout on every call.
import { noteServerTime } from '@/lib/server-clock'
import { wellFormed } from '@/lib/well-formed'
import { ApiError } from './errors'

const TIMEOUT_MS = 15_000 // a weak line answers slowly, but a page must not wait for ever

export interface CallOptions {
  signal?: AbortSignal
  timeoutMs?: number
  headers?: Record<string, string>
  /** Outlives the page: for what is reported while it closes. */
  keepalive?: boolean
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

async function problemOf(response: Response): Promise<ApiError> {
  const fallback = response.status >= 500 ? 'unavailable' : 'internal'
  if (!(response.headers.get('content-type') ?? '').includes('json')) {
    return new ApiError(response.status === 404 ? 'not_found' : fallback, '', response.status)
  }
  const body = (await response.json().catch(() => ({}))) as { code?: string; detail?: string }
  return new ApiError(body.code ?? fallback, body.detail ?? '', response.status)
}

function signalFor(options: CallOptions): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort('timeout'), options.timeoutMs ?? TIMEOUT_MS)
  const onOuterAbort = () => controller.abort('cancelled')
  if (options.signal?.aborted) onOuterAbort()
  options.signal?.addEventListener('abort', onOuterAbort)
  return {
    signal: controller.signal,
    done: () => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onOuterAbort)
    },
  }
}

async function send(method: Method, path: string, body: BodyInit | null, headers: HeadersInit, options: CallOptions) {
  const { signal, done } = signalFor(options)
  const sentAt = Date.now()
  try {
    const response = await fetch(path, {
      method,
      headers: { Accept: 'application/json', ...headers, ...options.headers },
      body,
      signal,
      credentials: 'same-origin',
      keepalive: options.keepalive ?? false,
    })
    noteServerTime(response.headers.get('date'), sentAt, Date.now())
    if (!response.ok) throw await problemOf(response)
    return response.status === 204 ? null : ((await response.json()) as unknown)
  } catch (error) {
    if (error instanceof ApiError) throw error
    if (signal.aborted) throw new ApiError(signal.reason === 'timeout' ? 'timeout' : 'cancelled')
    if (error instanceof SyntaxError) throw new ApiError('unavailable', 'the answer was not JSON')
    throw new ApiError('offline')
  } finally {
    done()
  }
}

function wholeText(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? wellFormed(value) : value
}

function json<T>(method: Method) {
  return async (path: string, body?: unknown, options: CallOptions = {}): Promise<T> =>
    (await send(
      method,
      path,
      body === undefined ? null : JSON.stringify(body, wholeText),
      body === undefined ? {} : { 'Content-Type': 'application/json' },
      options,
    )) as T
}

export const http = {
  get: async <T>(path: string, options: CallOptions = {}): Promise<T> =>
    (await send('GET', path, null, {}, options)) as T,
  post: <T>(path: string, body?: unknown, options?: CallOptions) => json<T>('POST')(path, body, options),
  put: <T>(path: string, body?: unknown, options?: CallOptions) => json<T>('PUT')(path, body, options),
  patch: <T>(path: string, body?: unknown, options?: CallOptions) => json<T>('PATCH')(path, body, options),
  delete: <T>(path: string, options?: CallOptions) => json<T>('DELETE')(path, undefined, options),
  /** Sends a file as it is (pictures, videos). */
  upload: <T>(path: string, file: Blob, options: CallOptions = {}): Promise<T> => http.send<T>('POST', path, file, options),
  /** The same with another method. */
  send: async <T>(method: Method, path: string, file: Blob, options: CallOptions = {}): Promise<T> =>
    (await send(method, path, file, { 'Content-Type': file.type || 'application/octet-stream' }, options)) as T,
}

/** Builds `/path?a=b`, leaving out what is empty. */
export function withQuery(path: string, query: Record<string, string | undefined>): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]))
  return pairs.length > 0 ? `${path}?${new URLSearchParams(pairs)}` : path
}
