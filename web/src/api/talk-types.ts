// Shapes of server/PROTOCOL.md about taking part in a room and keeping order in it.
import type { Iso } from './wire-types'

/** What holds for everybody in a room but its staff. */
export interface ChatRules {
  /** 0: no such rule. */
  slow_mode_seconds: number
  followers_only: boolean
  review_first: boolean
  links_from_staff_only: boolean
}

export interface Announcement {
  text: string
  at: Iso
}

export type RoomRole = 'viewer' | 'helper' | 'host' | 'operator'

export interface ChatMessage {
  id: string
  author_id: string
  author_name: string
  author_role: RoomRole
  text: string
  at: Iso
}

export type SanctionKind = 'mute' | 'ban'

/** A mute or a ban; `until` null: for good. */
export interface Sanction {
  user_id: string
  user_name: string
  kind: SanctionKind
  everywhere: boolean
  until: Iso | null
  reason: string
  by_name: string
  at: Iso
}

export type WordAction = 'refuse' | 'hold'

export interface ForbiddenWord {
  word: string
  action: WordAction
}

export interface Helper {
  user_id: string
  name: string
  since: Iso
}

/** What a room's staff sees at once. */
export interface ModerationDesk {
  role: RoomRole
  rules: ChatRules
  announcement: Announcement | null
  words: ForbiddenWord[]
  helpers: Helper[]
  sanctions: Sanction[]
  held: ChatMessage[]
}

export type ModerationAct =
  | 'delete'
  | 'mute'
  | 'ban'
  | 'lift_mute'
  | 'lift_ban'
  | 'show'
  | 'reject'
  | 'rules'
  | 'words'
  | 'name_helper'
  | 'drop_helper'
  | 'announce'
  | 'delete_question'
  | 'open_poll'
  | 'close_poll'
  | 'drop_coupons'
  | 'open_draw'
  | 'draw'

export interface LogEntry {
  id: string
  room_id: string
  act: ModerationAct
  actor_name: string
  actor_role: RoomRole
  target_name: string | null
  subject: string
  reason: string
  until: Iso | null
  at: Iso
}

export interface RoomName {
  slug: string
  title: string
  host_name: string
}

/** In the log of all rooms; without a room: done for all of them. */
export interface PlatformLogEntry extends LogEntry {
  room: RoomName | null
}

export interface Question {
  id: string
  author_id: string
  author_name: string
  text: string
  at: Iso
  state: 'held' | 'open' | 'answered'
  pinned: boolean
  /** Empty: answered by voice. */
  answer: string
  answered_by: string | null
  answered_at: Iso | null
}

export interface Poll {
  id: string
  question: string
  options: { text: string; votes: number }[]
  votes: number
  opened_at: Iso
  closed_at: Iso | null
  /** Only to the person who asks: in snapshots and acks. */
  my_option?: number | null
}

export interface CouponDrop {
  id: string
  value_fen: number
  min_total_fen: number
  quota: number
  left: number
  per_user: number
  opens_at: Iso
  closes_at: Iso
  valid_until: Iso
  /** How many I have; only in snapshots. */
  mine?: number
}

export interface CouponTerms {
  value_fen: number
  min_total_fen: number
  quota: number
  per_user?: number
  minutes?: number
  valid_days?: number
}

export interface Coupon {
  id: string
  drop_id: string
  merchant_id: string
  /** Where it was taken. */
  room_slug: string
  host_name: string
  value_fen: number
  min_total_fen: number
  valid_until: Iso
  taken_at: Iso
  state: 'ready' | 'used' | 'over'
  order_id: string | null
}

export interface Draw {
  id: string
  title: string
  places: number
  state: 'open' | 'closing' | 'drawn'
  entered: number
  commitment: string
  /** Told after the draw. */
  seed: string | null
  opened_at: Iso
  closes_at: Iso
  drawn_at: Iso | null
  winners: { ticket: string; user_id: string; name: string }[]
  /** Only to the person who asks: in snapshots and acks. */
  my_ticket?: string | null
}

/** With what is needed to check it. */
export interface CheckableDraw extends Draw {
  tickets: string[]
  entries: string | null
}

/** What I am in a room. */
export interface Me {
  role: RoomRole
  following: boolean
  mute: Sanction | null
  /** What my player shows to the media node; null: I am not signed in. */
  pass: string | null
}

export interface SanctionFields {
  user_id: string
  /** null: for good. */
  minutes: number | null
  reason?: string
  /** Takes his messages away, too. */
  clear?: boolean
  /** In all rooms; for operators. */
  everywhere?: boolean
}
