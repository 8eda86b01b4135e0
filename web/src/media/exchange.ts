// The HTTP side of WHIP (RFC 9725) and WHEP: offer in, answer out, restart, extensions, delete.

import { type Link, parseLinks } from './links'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Longer than any healthy exchange (about 100 ms), shorter than a person's patience. */
const EXCHANGE_TIMEOUT_MS = 8_000
/** Who leaves doesn't wait long for the answer. */
const GOODBYE_TIMEOUT_MS = 3_000

export interface Exchanged {
  readonly answer: string
  /** Absolute address of the session: PATCH restarts ICE, DELETE ends it. */
  readonly location: string
  /** What the server offers beside the session: extensions, ICE servers. */
  readonly links: readonly Link[]
}

/**
 * The first try goes straight to the media node, which needs no ICE server. Where that failed, the next one also takes the
 * way round over the TURN servers that the node named.
 */
export type CreatePeer = (iceServers: RTCIceServer[]) => RTCPeerConnection

export const createPeer: CreatePeer = (iceServers) => new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers })

/** The media node said no, and why. `code` is the stable word of the problem body. */
export class ExchangeRefused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly retryAfterMs: number | null,
  ) {
    super(detail)
    this.name = 'ExchangeRefused'
  }
}

export interface ExchangeOptions {
  readonly fetch: Fetch
  readonly bearer?: string
  readonly signal?: AbortSignal
}

export async function postOffer(url: string, offer: string, options: ExchangeOptions): Promise<Exchanged> {
  const response = await send(options, url, 'POST', { 'Content-Type': 'application/sdp' }, offer)
  const location = response.headers.get('Location')
  if (!location) throw new ExchangeRefused(response.status, 'no_location', 'answer without Location', null)
  const base = response.url || url
  const links = parseLinks(response.headers.get('Link'), base)
  return { answer: await response.text(), location: new URL(location, base).href, links }
}

/** Asks something of an extension of a session; answers what it made, if it made something. */
export async function postExtension(url: string, body: unknown, options: ExchangeOptions): Promise<string | null> {
  const response = await send(options, url, 'POST', { 'Content-Type': 'application/json' }, JSON.stringify(body))
  const location = response.headers.get('Location')
  return location && new URL(location, response.url || url).href
}

/** RFC 9725 section 4.3.3: `If-Match: "*"` asks for an ICE restart; the answer is an sdpfrag with new credentials. */
export async function patchRestart(location: string, fragment: string, options: ExchangeOptions): Promise<string> {
  const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '"*"' }
  const response = await send(options, location, 'PATCH', headers, fragment)
  return response.text()
}

/** Says goodbye. `keepalive` lets it leave while the page is being closed; nobody waits for the answer of a failed one. */
export async function deleteSession(location: string, options: ExchangeOptions): Promise<boolean> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), GOODBYE_TIMEOUT_MS)
  try {
    const headers = authorization(options)
    const response = await options.fetch(location, { method: 'DELETE', headers, keepalive: true, signal: timeout.signal })
    return response.ok
  } catch {
    // The server notices by itself: consent expires within 30 s.
    return false
  } finally {
    clearTimeout(timer)
  }
}

function authorization(options: ExchangeOptions): Record<string, string> {
  return options.bearer ? { Authorization: `Bearer ${options.bearer}` } : {}
}

async function send(
  options: ExchangeOptions,
  url: string,
  method: string,
  headers: Record<string, string>,
  body: string,
): Promise<Response> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), EXCHANGE_TIMEOUT_MS)
  const giveUp = () => timeout.abort()
  options.signal?.addEventListener('abort', giveUp)
  if (options.signal?.aborted) giveUp()
  try {
    const init = { method, headers: { ...headers, ...authorization(options) }, body, signal: timeout.signal }
    const response = await options.fetch(url, init)
    if (!response.ok) throw await refusal(response)
    return response
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', giveUp)
  }
}

async function refusal(response: Response): Promise<ExchangeRefused> {
  let code = `http_${response.status}`
  let detail = response.statusText
  try {
    const problem: unknown = await response.json()
    if (problem && typeof problem === 'object') {
      if ('code' in problem && typeof problem.code === 'string') code = problem.code
      if ('detail' in problem && typeof problem.detail === 'string') detail = problem.detail
    }
  } catch {
    // A proxy in between may answer with HTML: the status alone must do.
  }
  return new ExchangeRefused(response.status, code, detail, retryAfterMs(response.headers.get('Retry-After')))
}

export function retryAfterMs(header: string | null): number | null {
  if (!header || !/^\d+$/.test(header.trim())) return null
  return Number(header.trim()) * 1_000
}
