// The live room as the page sees it: joins, takes the snapshot as the truth, then follows the events.
import { computed, onScopeDispose, shallowRef } from 'vue'
import { ApiError, asApiError } from '@/api/errors'
import { roomLink, type LinkState } from '@/api/socket'
import type { Card, ChatMessage, Resumed, Room, RoomEvents, Sale, Snapshot, Stream } from '@/api/types'
import { noteServerNow } from '@/lib/server-clock'
import { CHAT_CAP, TakenAway, withMessages, withoutAuthor, withoutMessage } from './chat-lines'
import { HeldEvents } from './held-events'
import { cardWaitsMs, LateWords, saleWaitsMs } from './late-words'
import { isOldNews, stageOf } from './stage'
import { followSide } from './room-side'

/** A join that got no answer is tried again; the server answers in milliseconds when it is well. */
const JOIN_RETRY_MS = 2_000
/** Thousands of pages may notice a hole at once: they join again one after another. */
const REJOIN_SPREAD_MS = 1_000
/** How long a closed sale stays on the screen: long enough to read how it ended. */
const CLOSED_SALE_SHOWN_MS = 8_000

export type RoomView = ReturnType<typeof useRoom>

/** `delayMs`: how long after the host's words this page's picture shows them; the host's own page has none. */
export function useRoom(slug: string, link = roomLink(), delayMs: () => number = () => 0) {
  const room = shallowRef<Room | null>(null)
  const stream = shallowRef<Stream | null>(null)
  const lastStream = shallowRef<Stream | null>(null)
  const seenStream = shallowRef<string | null>(null)
  const chat = shallowRef<readonly ChatMessage[]>([])
  const card = shallowRef<Card | null>(null)
  const sale = shallowRef<Sale | null>(null)
  const viewers = shallowRef(0)
  const likes = shallowRef(0)
  const linkState = shallowRef<LinkState>(link.state)
  const joined = shallowRef(false)
  const problem = shallowRef<ApiError | null>(null)
  const stage = computed(() => stageOf(stream.value, lastStream.value, seenStream.value))

  let rejoinTimer: ReturnType<typeof setTimeout> | undefined
  let closedSaleTimer: ReturnType<typeof setTimeout> | undefined
  let holeTimer: ReturnType<typeof setTimeout> | undefined
  let hasSnapshot = false
  let disposed = false
  // The page hears the room from entering it, but the snapshot comes later and is made of older parts.
  const heldEvents = new HeldEvents()
  const takenAway = new TakenAway()
  const cards = new LateWords<Card | null>((next) => {
    card.value = next
  })
  const sales = new LateWords<Sale | null>(showSale)

  async function join(): Promise<void> {
    clearTimeout(rejoinTimer)
    const sentAt = Date.now()
    const release = heldEvents.hold()
    try {
      const answer = await link.join(slug, hasSnapshot)
      if (disposed) return
      noteServerNow(answer.server_now, sentAt, Date.now())
      if ('missed' in answer) resume(answer)
      else take(answer)
    } catch (error) {
      if (disposed) return
      const failed = asApiError(error)
      if (failed.code === 'not_found' || failed.code === 'banned') problem.value = failed
      else rejoinTimer = setTimeout(() => void (link.state === 'open' && join()), JOIN_RETRY_MS)
    } finally {
      if (!disposed) release()
    }
  }

  /** The connection is back: what was missed comes as events. */
  function resume(answer: Resumed): void {
    problem.value = null
    side.takeMe(answer.me, answer.followers)
    viewers.value = answer.viewers
    joined.value = true
  }

  function joinSoon(): void {
    holeTimer ??= setTimeout(() => {
      holeTimer = undefined
      if (link.state === 'open') void join()
    }, Math.random() * REJOIN_SPREAD_MS)
  }

  function follow<E extends keyof RoomEvents>(event: E, act: (payload: RoomEvents[E]) => void): () => void {
    return link.on(event, (payload) => heldEvents.pass(() => act(payload)))
  }
  const side = followSide(follow, room, () => {
    hasSnapshot = false // another role sees other things: take everything anew
    void join()
  })

  function take(snapshot: Snapshot): void {
    problem.value = null
    room.value = snapshot.room
    takeStream(snapshot.room.stream)
    lastStream.value = snapshot.room.last_stream
    chat.value = snapshot.chat.slice(-CHAT_CAP)
    hearCard(snapshot.card)
    if (snapshot.sale) hearSale(snapshot.sale)
    else sales.tellNow(null)
    viewers.value = snapshot.viewers
    likes.value = snapshot.likes
    side.take(snapshot)
    hasSnapshot = true
    joined.value = true
  }

  function hearStream(next: Stream | null): void {
    if (next && isOldNews(next, stream.value)) lastStream.value = next
    else takeStream(next)
  }

  function takeStream(next: Stream | null): void {
    // An event without a stream tells the end of the one that was on.
    if (!next && stream.value) lastStream.value = { ...stream.value, state: 'ended' }
    if (next?.state === 'live' || next?.state === 'interrupted') seenStream.value = next.id
    stream.value = next
    if (!next || next.state === 'ended') cards.catchUp()
  }

  function hearCard(next: Card | null): void {
    cards.tell(next, cardWaitsMs(next, cards.newest, delayMs()))
  }

  function hearSale(next: Sale): void {
    const waitsMs = saleWaitsMs(next, sales.newest, delayMs())
    if (waitsMs === null) sales.tellNow(next)
    else sales.tell(next, waitsMs)
  }

  function showSale(next: Sale | null): void {
    clearTimeout(closedSaleTimer)
    sale.value = next
    if (next?.state === 'closed') {
      closedSaleTimer = setTimeout(() => {
        sale.value = null
      }, CLOSED_SALE_SHOWN_MS)
    }
  }

  function putOut(): void {
    problem.value = new ApiError('banned')
  }

  const undo = [
    link.onState((state) => {
      linkState.value = state
      if (state !== 'open') joined.value = false
    }),
    follow('chat', ({ messages }) => {
      chat.value = withMessages(chat.value, takenAway.leftOf(messages))
    }),
    follow('chat_deleted', ({ id }) => {
      takenAway.noteMessage(id)
      chat.value = withoutMessage(chat.value, id)
    }),
    follow('chat_cleared', ({ author_id, at }) => {
      takenAway.noteAuthor(author_id, at)
      chat.value = withoutAuthor(chat.value, author_id)
    }),
    follow('likes', ({ total }) => {
      likes.value = Math.max(likes.value, total)
    }),
    follow('viewers', ({ count }) => {
      viewers.value = count
    }),
    follow('stream', ({ stream: next, whep_url }) => {
      if (room.value && whep_url) room.value = { ...room.value, whep_url }
      hearStream(next)
    }),
    follow('card', ({ card: next }) => hearCard(next)),
    follow('sale', ({ sale: next }) => hearSale(next)),
    ...side.undo,
    link.on('sanction', ({ room_id, sanction, lifted }) => {
      if (sanction.kind !== 'ban' || (room_id !== room.value?.id && !sanction.everywhere)) return
      if (!lifted) putOut()
    }),
    link.onOpen(() => void join()),
    link.onHole(joinSoon),
    link.hold(),
  ]

  onScopeDispose(() => {
    disposed = true
    clearTimeout(rejoinTimer)
    clearTimeout(holeTimer)
    clearTimeout(closedSaleTimer)
    cards.drop()
    sales.drop()
    if (joined.value) link.send('leave', {}).catch(() => undefined) // the server notices a closed socket anyway
    for (const step of undo.reverse()) step()
  })

  return {
    room,
    stream,
    lastStream,
    stage,
    chat,
    card,
    sale,
    viewers,
    likes,
    linkState,
    joined,
    problem,
    side: side.state,
    putOut,
    /** Answers whether it waits for staff: then nobody sees it yet. */
    async say(text: string): Promise<boolean> {
      const { message, held } = await link.send('chat', { text })
      if (!held) chat.value = withMessages(chat.value, [message])
      return held
    },
    like(count: number): void {
      // A heart that gets lost on the way isn't worth a message.
      link.send('like', { count }).catch(() => undefined)
    },
    setRoom(next: Room): void {
      room.value = next
    },
  }
}
