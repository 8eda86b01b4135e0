// Whether a call failed because the server could not be reached, so that what is on the device may stand in for it.
import { ApiError } from '@/api/errors'

const AWAY = new Set(['offline', 'timeout', 'unavailable'])

export function isAway(error: unknown): boolean {
  return error instanceof ApiError && AWAY.has(error.code)
}
