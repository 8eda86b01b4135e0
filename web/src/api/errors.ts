// One kind of error for everything that can go wrong between the page and the server.

export class ApiError extends Error {
  /** Stable word of PROTOCOL.md, or `offline` / `timeout` when no answer came. */
  readonly code: string
  /** A sentence for people, in the server's words; may be empty. */
  readonly detail: string
  /** HTTP status; 0 when no answer came or the error came over Socket.IO. */
  readonly status: number

  constructor(code: string, detail = '', status = 0) {
    super(detail ? `${code}: ${detail}` : code)
    this.name = 'ApiError'
    this.code = code
    this.detail = detail
    this.status = status
  }

  /** Trying the same again later may help. */
  get transient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError('internal', error instanceof Error ? error.message : '')
}
