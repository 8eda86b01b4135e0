// Sorts the rooms of the home page: what is on now, what comes, the rest.
import type { RoomSummary } from '@/api/types'

export interface Board {
  /** The room in the big picture: the live one with most viewers, else the next to come. */
  hero: RoomSummary | null
  live: RoomSummary[]
  coming: RoomSummary[]
  resting: RoomSummary[]
}

const LATE_MS = 2 * 60 * 60_000 // a host may be late; after this the announcement is stale

export function boardOf(rooms: readonly RoomSummary[], now: number): Board {
  const live = rooms.filter((room) => room.state !== 'idle').sort((a, b) => rank(b) - rank(a) || b.viewers - a.viewers)
  const idle = rooms.filter((room) => room.state === 'idle')
  const startsAt = (room: RoomSummary) => Date.parse(room.scheduled_at ?? '')
  const coming = idle.filter((room) => startsAt(room) > now - LATE_MS).sort((a, b) => startsAt(a) - startsAt(b))
  const resting = idle.filter((room) => !coming.includes(room))
  const [hero = null] = [...live, ...coming]
  return {
    hero,
    live: live.filter((room) => room !== hero),
    coming: coming.filter((room) => room !== hero),
    resting,
  }
}

function rank(room: RoomSummary): number {
  return room.state === 'live' ? 2 : room.state === 'interrupted' ? 1 : 0
}
