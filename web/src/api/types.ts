// The shapes of server/PROTOCOL.md, as the page sees them; changed in the same commit as that file.
import type { CourseChapter, CourseTags, Notices } from './academy-types'
import type { CouponDrop, CouponTerms, Coupon, Draw, Me, Poll, Question, Sanction, SanctionFields, SanctionKind } from './talk-types'
import type { Order, OrderRequest, Product, Sale } from './trade-types'

export type * from './academy-types'
export type * from './talk-types'
export type * from './trade-types'

export type Iso = string

export interface User {
  id: string
  name: string
  display_name: string
  roles: ('viewer' | 'host' | 'operator')[]
}

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

export interface HostRoom extends Room {
  whip_url: string
  stream_key: string
}

/** One encoding of the published pictures; bitrate 0: paused, width and height 0: not known yet. */
export interface LayerReport {
  rid: string
  bitrate: number
  width: number
  height: number
}

/** What comes in from the publisher, layers best first. */
export interface Ingest {
  bitrate: number
  loss: number
  b_frames: boolean
  /** `behind`: it waits on the media node's disk; `off`: nothing is kept at the moment. */
  recording: 'on' | 'behind' | 'off'
  layers: LayerReport[]
}

/** What the viewers of a stream get, over all media nodes. */
export interface Audience {
  viewers: number
  by_layer: Record<string, number>
  slides: number
  audio: number
  stalling: number
  /** 0…1, of the packets on their way to viewers. */
  loss: number
  ingest: Ingest | null
}

/** `no_answer`: it died a moment ago or can't be reached; `bad_answer`: something else answers there. */
export type NodeState = 'ok' | 'no_answer' | 'bad_answer'

export interface MediaNode {
  node_id: string
  state: NodeState
  draining: boolean
  publishers: number
  viewers: number
  sessions: number
  most_sessions: number
  /** The share of one core that it uses. */
  cpu: number
}

export interface StreamOnAir {
  slug: string
  title: string | null
  host_name: string | null
  /** The node that has the publisher. */
  node_id: string
  state: Exclude<StreamState, 'cancelled'>
  audience: Audience
}

/** One peer connection. `copy`: another node takes the stream, for its viewers. */
export interface MediaSession {
  node_id: string
  id: string
  kind: 'publisher' | 'viewer' | 'copy'
  slug: string
  state: 'connecting' | 'connected' | 'ending'
  age_seconds: number
  family: 4 | 6 | null
  transport: 'udp' | 'tcp' | null
  /** What a viewer gets now; empty: no moving pictures. */
  layer: string | null
  mode: 'auto' | 'layer' | 'slides' | 'audio' | null
  bitrate: number
  loss: number
  /** 0: not known, as of a host. */
  rtt_ms: number
  nacks: number
  stalling: boolean
}

export interface NodeBoard {
  items: MediaNode[]
  streams: StreamOnAir[]
  sessions: MediaSession[]
  /** Were left out: the least troubled ones. */
  more_sessions: number
}

export interface Course {
  id: string
  title: string
  summary: string
  cover_url: string | null
  teacher_name: string
  lesson_count: number
  tags: CourseTags
  /** Gathers somebody's broadcasts; has no certificate. */
  is_replays: boolean
}

export interface CourseWithLessons extends Course {
  chapters: CourseChapter[]
  lessons: LessonSummary[]
}

export type LessonState = 'waiting' | 'working' | 'ready' | 'failed'

export interface LessonSummary {
  id: string
  title: string
  course_id: string | null
  host_name: string
  poster_url: string | null
  duration_ms: number
  /** What watching it in the smallest picture costs. */
  bytes: number
  /** There is something to play, maybe before all sizes of its picture are made. */
  watchable: boolean
  state: LessonState
  /** 0…1, of the work still going on. */
  progress: number
  created_at: Iso
  position_ms: number
}

export interface Rendition {
  name: string
  width: number
  height: number
  bandwidth: number
  bytes: number
}

export interface Sound {
  name: string
  playlist_url: string
  bandwidth: number
  bytes: number
}

export interface Chapter {
  start_ms: number
  end_ms: number
  title: string
  product_id: string | null
}

/** What a worker does with the video at the moment. */
export type MakingStage = 'look' | 'encode' | 'join'

export interface Lesson extends LessonSummary, LessonProgress {
  host_id: string
  stage: MakingStage | null
  playlist_url: string | null
  /** WebVTT that names small pictures for the seek bar. */
  thumbs_url: string | null
  /** JSON `{duration_ms, peaks: [0…100]}`. */
  waveform_url: string | null
  renditions: Rendition[]
  /** The sound alone, the cheapest first. */
  sounds: Sound[]
  chapters: Chapter[]
  /** Why it could not be made: a code. */
  error: string | null
  subtitles_url: string | null
  /** Only what is watched in order counts. */
  no_skip: boolean
  /** What filling has put into the replay, at places of it as it was before. */
  inserts: Insert[]
  /** What the recording lacks; null for all but its host. */
  gaps: Gap[] | null
  /** What was missing and came from the host's own recording; null for all but its host. */
  filled: Gap[] | null
}

/** What a broadcast's recording lacks, and how the filling of that stands. */
export interface Fill {
  state: 'waiting' | 'whole' | 'open' | 'making' | 'filled' | 'failed'
  holes: Hole[]
  /** `started_ms` of those that the server has. */
  files: string[]
}

/** By the server's clock. */
export interface Hole {
  from: string
  to: string
}

/** On the broadcast's own timeline; `at_ms`: where that is in the replay. */
export interface Gap {
  start_ms: number
  end_ms: number
  at_ms: number
}

export interface Insert {
  at_ms: number
  length_ms: number
}

/** A lesson as it is the same for everybody, without what one learner did. */
export type PublicLesson = Omit<Lesson, keyof LessonProgress | 'gaps' | 'filled'>

export type Interval = [from_ms: number, to_ms: number]

export interface LessonProgress {
  position_ms: number
  watched_ms: number
  /** How far it was watched from the start without a hole. */
  reached_ms: number
  intervals: Interval[]
  done: boolean
}

export interface Clip {
  id: string
  lesson_id: string
  product_id: string | null
  pinned_lesson_id: string | null
  title: string
  video_url: string
  poster_url: string | null
  duration_ms: number
  /** Where it begins in the replay. */
  at_ms: number
}

/** A clip as its host sees it; its span is in the replay. */
export interface OwnClip {
  id: string
  lesson_id: string
  product_id: string | null
  title: string
  start_ms: number
  end_ms: number
  by_host: boolean
  state: 'waiting' | 'working' | 'ready' | 'failed'
  progress: number
  error: string | null
  /** What people see, also while it is being cut anew. */
  shown: Clip | null
}

export interface ClipDraft {
  title: string
  start_ms: number
  end_ms: number
}

export type Season = 'spring' | 'summer' | 'autumn' | 'winter' | 'all_year'

/** An equirectangular picture; level n is `levels[n]` pixels wide, its tile is `{tiles_url}{n}/{column}-{row}.webp`. */
export interface Panorama {
  id: string
  title: string
  base_url: string
  cover_url: string
  tiles_url: string
  levels: number[]
}

export interface Merchant {
  id: string
  name: string
  summary: string
}

export interface Booth {
  id: string
  merchant_id: string
  merchant_name: string
  /** The merchant's own words, plain text. */
  summary: string
  /** Degrees. */
  yaw: number
  pitch: number
  room_slug: string | null
  live: boolean
  products: Product[]
  clips: Clip[]
}

export interface HallSummary {
  id: string
  title: string
  summary: string
  county: string
  season: Season
  open: boolean
  /** Grows with each change. */
  version: number
  panorama: Panorama
}

export interface Hall extends HallSummary {
  booths: Booth[]
}

export interface HallDraft {
  title: string
  summary: string
  county: string
  season: Season
  panorama_id: string
  booths: Pick<Booth, 'id' | 'merchant_id' | 'yaw' | 'pitch'>[]
  open: boolean
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

export interface Items<T> {
  items: T[]
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
