// Shapes of server/PROTOCOL.md of rooms, streams and cards, and what goes over Socket.IO.
import type { Notices } from './academy-types'
import type { Lesson, LessonSummary, PublicLesson } from './lesson-types'
import type { Announcement, ChatMessage, ChatRules, Coupon, CouponDrop, CouponTerms, Draw, Me, Poll, Question, RoomRole, Sanction, SanctionFields, SanctionKind } from './talk-types'
import type { Order, OrderRequest, Product, Sale } from './trade-types'
import type { Iso } from './wire-types'

export type StreamState = 'starting' | 'live' | 'interrupted' | 'ended' | 'cancelled'

export type RoomState = 'idle' | 'starting' | 'live' | 'interrupted'

export interface Stream {
  id: string
  room_id: string
  state: StreamState
  started_at: Iso | null
  ended_at: Iso | null
  lesson_id: string | null
}

export interface RoomSummary {
  id: string
  slug: string
  title: string
  host_name: string
  cover_url: string | null
  state: RoomState
  viewers: number
  scheduled_at: Iso | null
}

export interface Room extends RoomSummary {
  merchant_id: string
  stream: Stream | null
  last_stream: Stream | null
  whep_url: string
  /** The same broadcast over HLS, some seconds later. */
  hls_url: string
  rules: ChatRules
  announcement: Announcement | null
}

export interface HostRoom extends Room {
  whip_url: string
  stream_key: string
}

/** Of a product or of a lesson: one of both. */
export interface Card {
  product: Product | null
  lesson: LessonSummary | null
  /** The host talks about it right now. */
  explaining: boolean
  sold_out: boolean
  pinned_at: Iso
  start_ms: number
}

/** Of who goes back in a broadcast; what it shows is as it is now. */
export interface ShownCard extends Card {
  unpinned_at: Iso | null
}

export interface Snapshot {
  me: Me
  followers: number
  questions: Question[]
  poll: Poll | null
  coupon_drop: CouponDrop | null
  draw: Draw | null
  room: Room
  chat: ChatMessage[]
  card: Card | null
  sale: Sale | null
  viewers: number
  likes: number
  server_now: Iso
  /** The number of the last event that this snapshot knows of; 0: not known. */
  n?: number
}

/** The answer to a join by a page that shows the room already: what it was not told, oldest first. */
export interface Resumed {
  missed: [event: string, payload: unknown, number: number][]
  n: number
  me: Me
  followers: number
  viewers: number
  server_now: Iso
}

/** What a page sends over Socket.IO: fields, and the data of the ack. */
export interface RoomCalls {
  join: { fields: { slug: string; after?: number }; data: Snapshot | Resumed }
  leave: { fields: Record<string, never>; data: Record<string, never> }
  chat: { fields: { text: string }; data: { message: ChatMessage; held: boolean } }
  like: { fields: { count: number }; data: Record<string, never> }
  order: { fields: OrderRequest; data: { order: Order } }
  pin: { fields: { product_id: string } | { lesson_id: string }; data: { card: Card } }
  explain: { fields: { explaining: boolean }; data: { card: Card } }
  unpin: { fields: Record<string, never>; data: Record<string, never> }
  delete_chat: { fields: { id: string; reason?: string }; data: Record<string, never> }
  mute: { fields: SanctionFields; data: { sanction: Sanction } }
  ban: { fields: SanctionFields; data: { sanction: Sanction } }
  lift: { fields: { user_id: string; kind: SanctionKind; everywhere?: boolean }; data: Record<string, never> }
  review: { fields: { id: string; show: boolean }; data: { message: ChatMessage } }
  ask: { fields: { text: string }; data: { question: Question; held: boolean } }
  answer: { fields: { id: string; text?: string }; data: { question: Question } }
  show_question: { fields: { id: string }; data: { question: Question } }
  pin_question: { fields: { id: string | null }; data: { question: Question | null } }
  delete_question: { fields: { id: string; reason?: string }; data: Record<string, never> }
  open_poll: { fields: { question: string; options: string[] }; data: { poll: Poll } }
  vote: { fields: { poll_id: string; option: number }; data: { poll: Poll } }
  close_poll: { fields: { poll_id: string }; data: { poll: Poll } }
  drop_coupons: { fields: CouponTerms; data: { drop: CouponDrop } }
  close_coupons: { fields: { drop_id: string }; data: { drop: CouponDrop } }
  take_coupon: { fields: { drop_id: string }; data: { coupon: Coupon } }
  open_draw: { fields: { title: string; places: number; minutes: number }; data: { draw: Draw } }
  enter_draw: { fields: { draw_id: string }; data: { draw: Draw } }
  draw_now: { fields: { draw_id: string }; data: { draw: Draw } }
  watch_lesson: { fields: { lesson_id: string }; data: { lesson: Lesson } }
}

/** What the server sends over Socket.IO. */
export interface RoomEvents {
  chat: { messages: ChatMessage[] }
  chat_deleted: { id: string }
  chat_cleared: { author_id: string; at: string }
  rules: { rules: ChatRules }
  announcement: { announcement: Announcement | null }
  sanction: { room_id: string; sanction: Sanction; lifted: boolean }
  roles: { roles: ('viewer' | 'host' | 'operator')[] }
  room_role: { room_id: string; role: RoomRole }
  held: { message: ChatMessage }
  reviewed: { id: string; shown?: boolean }
  question: { question: Question }
  question_deleted: { id: string }
  poll: { poll: Poll }
  coupon_drop: { drop: CouponDrop }
  draw: { draw: Draw }
  likes: { total: number }
  viewers: { count: number }
  stream: { stream: Stream | null; whep_url: string }
  card: { card: Card | null }
  sale: { sale: Sale }
  order: { order: Order }
  waiting: { request_id: string; ahead: number }
  lesson: { lesson: PublicLesson }
  notices: Notices
}
