// Whether the stream that the studio knew as being on is over now: decides what becomes of the publisher.
import type { Stream } from '@/api/types'

/**
 * Only the end of `before` itself counts. News of a stream that was over already (its replay is in the library)
 * must not stop the broadcast that the host has begun since; `known` is the end that the studio has dealt with.
 */
export function endedStream(now: Stream | null, before: Stream | null, last: Stream | null, known: string | null): Stream | null {
  if (!before || before.id === known || before.state === 'ended' || before.state === 'cancelled') return null
  const told = now ?? last
  return told?.id === before.id && told.state === 'ended' ? told : null
}
