// The one Socket.IO connection of the page (namespace /room): acks as promises, events as subscriptions.
import { io, type Socket } from 'socket.io-client'
import { backoffMs } from '@/media/backoff'
import { ApiError } from './errors'
import { EventOrder } from './event-order'
import { onSignInChanged } from './sign-in-changed'
import type { Resumed, RoomCalls, RoomEvents, Snapshot } from './types'

const ACK_TIMEOUT_MS = 8_000
const CONNECT_TIMEOUT_MS = 10_000
/** Kept back while a join is answered; a busy room sends some 15 a second. */
const MOST_HELD = 500
const TURNED_AWAY_PAUSE_MS = 3_000 // the server closed it on purpose: come back, but not in a tight loop

export type LinkState = 'closed' | 'connecting' | 'open'

type Told = readonly [event: string, payload: unknown, number: number]
type Ack<T> = { ok: true; data: T } | { ok: false; error: string; detail?: string }

/**
 * Open while at least one part of the page holds it. After each (re)connection `onOpen` handlers run: join again there;
 * what was missed is heard then, or the snapshot is the truth. What a room is told has numbers: listeners hear
 * nothing twice and nothing out of order, and after a hole `onHole` handlers run, which join again.
 */
export class RoomLink {
  private socket: Socket | null = null
  private holders = 0
  private current: LinkState = 'closed'
  private readonly stateListeners = new Set<(state: LinkState) => void>()
  private readonly openListeners = new Set<() => void>()
  private readonly holeListeners = new Set<() => void>()
  private readonly order = new EventOrder()
  private held: Told[] | null = null
  private readonly eventListeners = new Map<string, Set<(payload: never) => void>>()

  constructor(private readonly makeSocket: () => Socket = connectToRoomNamespace) {}

  get state(): LinkState {
    return this.current
  }

  /** Holds the connection open until the returned function is called. */
  hold(): () => void {
    this.holders += 1
    if (!this.socket) this.open()
    let held = true
    return () => {
      if (!held) return
      held = false
      this.holders -= 1
      if (this.holders === 0) this.close()
    }
  }

  /** Signing in or out changes the cookie, and the server reads it only while connecting. */
  reconnect(): void {
    if (!this.socket) return
    this.order.start(0) // somebody else sees another room: a snapshot of his own
    this.close()
    if (this.holders > 0) this.open()
  }

  on<E extends keyof RoomEvents>(event: E, listener: (payload: RoomEvents[E]) => void): () => void {
    const listeners = this.eventListeners.get(event) ?? new Set()
    this.eventListeners.set(event, listeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Runs after every connection, and at once if the link is open already. */
  onOpen(listener: () => void): () => void {
    this.openListeners.add(listener)
    if (this.current === 'open') listener()
    return () => this.openListeners.delete(listener)
  }

  /** Runs when events of the room were lost on the way: join again, with `resume`. */
  onHole(listener: () => void): () => void {
    this.holeListeners.add(listener)
    return () => this.holeListeners.delete(listener)
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.stateListeners.add(listener)
    listener(this.current)
    return () => this.stateListeners.delete(listener)
  }

  /**
   * Joins a room. `resume`: this page shows the room already, so that what it missed is enough, if the server still
   * knows it; the listeners hear it before this returns.
   */
  async join(slug: string, resume: boolean): Promise<Snapshot | Resumed> {
    const after = resume ? this.order.last : 0
    const held: Told[] = []
    this.held = held
    try {
      const answer = await this.send('join', after ? { slug, after } : { slug })
      if (this.held !== held) return answer // a newer join waits: its answer will tell
      if ('missed' in answer) for (const [event, payload, number] of answer.missed) this.replay(event, payload, number)
      this.order.start(answer.n ?? 0)
      return answer
    } finally {
      if (this.held === held) {
        this.held = null
        for (const [event, payload, number] of held) this.hear(event, payload, number)
      }
    }
  }

  async send<E extends keyof RoomCalls>(
    event: E,
    fields: RoomCalls[E]['fields'],
    timeoutMs = ACK_TIMEOUT_MS,
  ): Promise<RoomCalls[E]['data']> {
    // An event that waits for a new connection would arrive before `join`, so it is refused instead of queued.
    if (!this.socket?.connected) throw new ApiError('offline')
    let ack: Ack<RoomCalls[E]['data']>
    try {
      ack = (await this.socket.timeout(timeoutMs).emitWithAck(event, fields)) as Ack<RoomCalls[E]['data']>
    } catch {
      throw new ApiError('timeout')
    }
    if (!ack.ok) throw new ApiError(ack.error, ack.detail)
    return ack.data
  }

  private open(): void {
    const socket = this.makeSocket()
    this.socket = socket
    this.setState('connecting')
    let refusals = 0
    socket.on('connect', () => {
      refusals = 0
      this.setState('open')
      for (const listener of [...this.openListeners]) listener()
    })
    socket.on('disconnect', (reason) => {
      if (this.socket !== socket) return
      this.setState('connecting')
      // The library retries by itself only for lost connections.
      if (reason === 'io server disconnect') this.connectAgain(socket, TURNED_AWAY_PAUSE_MS)
    })
    socket.on('connect_error', () => {
      // A server whose database is away refuses; the library takes that for its last word.
      if (!socket.active) this.connectAgain(socket, backoffMs((refusals += 1)))
    })
    socket.onAny((event: string, payload: unknown, number?: number) => {
      if (this.socket === socket) this.hear(event, payload, number)
    })
    socket.connect()
  }

  private hear(event: string, payload: unknown, number = 0): void {
    if (number && this.held) {
      this.held.push([event, payload, number])
      if (this.held.length > MOST_HELD) this.held.shift() // then there is a hole, and it is noticed
      return
    }
    if (event === 'missed') {
      if (!number || number > this.order.last) this.tellHole()
      return
    }
    const verdict = number ? this.order.judge(number) : 'next'
    if (verdict === 'next') this.dispatch(event, payload)
    else if (verdict === 'hole') this.tellHole()
  }

  private replay(event: string, payload: unknown, number: number): void {
    if (this.order.isLater(number)) this.dispatch(event, payload)
  }

  private dispatch(event: string, payload: unknown): void {
    for (const listener of [...(this.eventListeners.get(event) ?? [])]) listener(payload as never)
  }

  private tellHole(): void {
    for (const listener of [...this.holeListeners]) listener()
  }

  private connectAgain(socket: Socket, pauseMs: number): void {
    setTimeout(() => this.socket === socket && socket.connect(), pauseMs)
  }

  private close(): void {
    const socket = this.socket
    this.socket = null
    socket?.removeAllListeners()
    socket?.offAny()
    socket?.disconnect()
    this.setState('closed')
  }

  private setState(next: LinkState): void {
    if (next === this.current) return
    this.current = next
    for (const listener of [...this.stateListeners]) listener(next)
  }
}

function connectToRoomNamespace(): Socket {
  return io('/room', {
    autoConnect: false,
    forceNew: true,
    transports: ['websocket', 'polling'],
    timeout: CONNECT_TIMEOUT_MS,
    reconnectionDelay: 500,
    reconnectionDelayMax: 8_000,
    randomizationFactor: 0.5,
  })
}

let link: RoomLink | null = null

/** The page's one link; made when first asked for, so that quiet pages never load Socket.IO. */
export function roomLink(): RoomLink {
  if (!link) {
    const made = new RoomLink()
    onSignInChanged(() => made.reconnect())
    link = made
  }
  return link
}
