// What a room shows at the moment, decided from its streams.
import type { Stream } from '@/api/types'

export type Stage = 'before' | 'starting' | 'live' | 'interrupted' | 'ended'

/**
 * `seen` is the stream that was on while this page was open: its end is told as an end, while somebody who comes the next
 * morning finds a room that waits for its next broadcast.
 */
export function stageOf(stream: Stream | null, last: Stream | null, seen: string | null): Stage {
  if (stream?.state === 'starting' || stream?.state === 'live' || stream?.state === 'interrupted') return stream.state
  const ended = stream ?? last
  return ended?.state === 'ended' && ended.id === seen ? 'ended' : 'before'
}

/** The late word about a stream that was over before the one that is on had begun (say, its replay is ready). */
export function isOldNews(next: Stream, current: Stream | null): boolean {
  if (!current || current.id === next.id || isOver(current) || !isOver(next)) return false
  return !current.started_at || !next.started_at || Date.parse(next.started_at) < Date.parse(current.started_at)
}

function isOver(stream: Stream): boolean {
  return stream.state === 'ended' || stream.state === 'cancelled'
}

/** Whether there may be packets to ask the media node for. */
export function mayPlay(stage: Stage): boolean {
  return stage === 'starting' || stage === 'live' || stage === 'interrupted'
}
