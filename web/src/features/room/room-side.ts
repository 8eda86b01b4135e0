// What goes on in a room besides picture, chat and goods: who I am here, rules, announcement, questions, poll, coupons, draw.
import { shallowReactive, type ShallowRef } from 'vue'
import type { Announcement, ChatMessage, ChatRules, CouponDrop, Draw, Me, Poll, Question, Room, RoomEvents, Snapshot } from '@/api/types'
import { drawWith, dropWith, pollWith, withHeld, withoutQuestion, withQuestion } from './side-lists'

type Follow = <E extends keyof RoomEvents>(event: E, act: (payload: RoomEvents[E]) => void) => () => void

const NOBODY: Me = { role: 'viewer', following: false, mute: null, pass: null }
const NO_RULES: ChatRules = { slow_mode_seconds: 0, followers_only: false, review_first: false, links_from_staff_only: true }

export interface RoomSide {
  me: Me
  followers: number
  rules: ChatRules
  announcement: Announcement | null
  questions: readonly Question[]
  poll: Poll | null
  drop: CouponDrop | null
  draw: Draw | null
  /** Messages that wait; only staff hears of them. */
  held: readonly ChatMessage[]
  readonly isStaff: boolean
  /** What I just did, in the server's words. */
  takePoll(poll: Poll): void
  takeDraw(draw: Draw): void
  tookCoupon(): void
  setFollowing(following: boolean, followers: number): void
}

/** Follows the events; `onRole` is called when I became a helper or am none any more. */
export function followSide(follow: Follow, room: ShallowRef<Room | null>, onRole: () => void) {
  const state: RoomSide = shallowReactive({
    me: NOBODY,
    followers: 0,
    rules: NO_RULES,
    announcement: null,
    questions: [],
    poll: null,
    drop: null,
    draw: null,
    held: [],
    get isStaff() {
      return this.me.role !== 'viewer'
    },
    takePoll(poll) {
      state.poll = pollWith(state.poll, poll)
    },
    takeDraw(draw) {
      state.draw = drawWith(state.draw, draw)
    },
    tookCoupon() {
      if (state.drop) state.drop = { ...state.drop, mine: (state.drop.mine ?? 0) + 1 }
    },
    setFollowing(following, followers) {
      takeMe({ ...state.me, following }, followers)
    },
  })

  function takeMe(next: Me, followers: number): void {
    state.me = next
    state.followers = followers
  }

  function take(snapshot: Snapshot): void {
    takeMe(snapshot.me, snapshot.followers)
    state.rules = snapshot.room.rules
    state.announcement = snapshot.room.announcement
    state.questions = snapshot.questions
    state.poll = snapshot.poll
    state.drop = snapshot.coupon_drop
    state.draw = snapshot.draw
  }

  const undo = [
    follow('rules', ({ rules }) => (state.rules = rules)),
    follow('announcement', ({ announcement }) => (state.announcement = announcement)),
    follow('question', ({ question }) => (state.questions = withQuestion(state.questions, question))),
    follow('question_deleted', ({ id }) => (state.questions = withoutQuestion(state.questions, id))),
    follow('poll', ({ poll }) => state.takePoll(poll)),
    follow('coupon_drop', ({ drop }) => (state.drop = dropWith(state.drop, drop))),
    follow('draw', ({ draw }) => state.takeDraw(draw)),
    follow('held', ({ message }) => (state.held = withHeld(state.held, message))),
    follow('reviewed', ({ id }) => (state.held = state.held.filter((line) => line.id !== id))),
    follow('sanction', ({ room_id, sanction, lifted }) => {
      if (sanction.kind === 'mute' && (room_id === room.value?.id || sanction.everywhere)) {
        state.me = { ...state.me, mute: lifted ? null : sanction }
      }
    }),
    follow('room_role', ({ room_id }) => {
      if (room_id === room.value?.id) onRole()
    }),
  ]

  return { state, take, takeMe, undo }
}
