// What an operator sees of media nodes: how full they are, who is on which stream, and who of them has trouble.
import type { Audience, Ingest, MediaNode, MediaSession, NodeBoard, StreamOnAir } from '@/api/types'
import { BAD_LOSS, FAIR_LOSS, ingestState, type LayerRow, type LineState, type Sent, sentOf } from '@/lib/line-figures'
import { BAD_RTT_MS, FAIR_RTT_MS, type QualityLevel } from '@/media/publish-stats'

export type NodeWord = 'ok' | 'no_answer' | 'bad_answer' | 'draining' | 'full' | 'busy'
export type SessionWord = 'ok' | 'stalling' | 'loss' | 'delay' | 'nothing' | 'connecting' | 'unconnected' | 'ending'
export type PictureWord = LayerRow['word'] | 'slides' | 'audio' | 'noPicture'
export type Order = 'worst' | 'slowest' | 'newest'

export interface Verdict {
  readonly level: QualityLevel
  readonly word: SessionWord
}

export interface ViewerRow {
  readonly session: MediaSession
  readonly verdict: Verdict
  readonly picture: PictureWord
}

export interface StreamView {
  readonly slug: string
  /** null: its node says nothing of it in the registry (any more, or yet). */
  readonly stream: StreamOnAir | null
  readonly line: LineState | null
  readonly sent: Sent | null
  readonly audience: Audience | null
  readonly recording: Ingest['recording']
  readonly publishers: readonly MediaSession[]
  readonly viewers: readonly ViewerRow[]
  readonly copies: number
  readonly troubled: number
}

export interface Totals {
  readonly nodes: number
  readonly live: number
  readonly viewers: number
  readonly stalling: number
}

/** A node that uses more of its places sends new viewers to others. */
const NEARLY_FULL = 0.9
/** Of a core: beyond it packets begin to wait for each other. */
const BUSY_CPU = 0.85
/** Who comes needs a moment until he is connected, and until pictures come. */
const SETTLING_SECONDS = 8

const RANK: Record<QualityLevel, number> = { bad: 0, fair: 1, good: 2 }
const ORDERS: Record<Order, (a: ViewerRow, b: ViewerRow) => number> = {
  worst: (a, b) =>
    RANK[a.verdict.level] - RANK[b.verdict.level] ||
    Number(b.session.stalling) - Number(a.session.stalling) ||
    b.session.loss - a.session.loss ||
    b.session.rtt_ms - a.session.rtt_ms,
  slowest: (a, b) => a.session.bitrate - b.session.bitrate,
  newest: (a, b) => a.session.age_seconds - b.session.age_seconds,
}

export function placesTaken(node: MediaNode): number {
  return node.most_sessions > 0 ? Math.min(1, node.sessions / node.most_sessions) : 0
}

/** The first thing that an operator should know of a node. */
export function nodeWord(node: MediaNode): NodeWord {
  if (node.state !== 'ok') return node.state
  if (node.draining) return 'draining'
  if (placesTaken(node) >= NEARLY_FULL) return 'full'
  return node.cpu >= BUSY_CPU ? 'busy' : 'ok'
}

export function nodeLevel(word: NodeWord): QualityLevel {
  if (word === 'ok') return 'good'
  return word === 'no_answer' || word === 'bad_answer' ? 'bad' : 'fair'
}

/** `flowing`: the publisher's pictures come in, so that a viewer without any has trouble of his own. */
export function judgeViewer(session: MediaSession, flowing: boolean): Verdict {
  const settled = session.age_seconds >= SETTLING_SECONDS
  if (session.state === 'ending') return { level: 'good', word: 'ending' }
  if (session.state === 'connecting') return settled ? { level: 'bad', word: 'unconnected' } : { level: 'good', word: 'connecting' }
  if (session.stalling) return { level: 'bad', word: 'stalling' }
  if (settled && flowing && session.bitrate === 0 && wantsPictures(session)) return { level: 'bad', word: 'nothing' }
  if (session.loss >= BAD_LOSS) return { level: 'bad', word: 'loss' }
  if (session.rtt_ms >= BAD_RTT_MS) return { level: 'bad', word: 'delay' }
  if (session.loss >= FAIR_LOSS) return { level: 'fair', word: 'loss' }
  if (session.rtt_ms >= FAIR_RTT_MS) return { level: 'fair', word: 'delay' }
  return { level: 'good', word: 'ok' }
}

/** What a viewer gets, in the studio's word for it: layers are named by their place in what is sent. */
export function pictureWord(session: MediaSession, layers: readonly LayerRow[]): PictureWord {
  if (session.mode === 'slides' || session.mode === 'audio') return session.mode
  if (!session.layer) return 'noPicture'
  return layers.find(({ rid }) => rid === session.layer)?.word ?? 'only'
}

/** Streams as the server orders them, then rooms that only sessions speak of. */
export function streamViews(board: NodeBoard): StreamView[] {
  const bySlug = new Map<string, MediaSession[]>(board.streams.map(({ slug }) => [slug, []]))
  for (const session of board.sessions) {
    const known = bySlug.get(session.slug)
    if (known) known.push(session)
    else bySlug.set(session.slug, [session])
  }
  return [...bySlug].map(([slug, sessions]) => streamView(slug, board.streams.find((stream) => stream.slug === slug) ?? null, sessions))
}

function streamView(slug: string, stream: StreamOnAir | null, sessions: readonly MediaSession[]): StreamView {
  const ingest = stream?.audience.ingest ?? null
  const sent = sentOf(null, ingest)
  const flowing = stream?.state === 'live' && (ingest?.bitrate ?? 0) > 0
  const viewers = sessions
    .filter(({ kind }) => kind === 'viewer')
    .map((session) => ({ session, verdict: judgeViewer(session, flowing), picture: pictureWord(session, sent?.layers ?? []) }))
  return {
    slug,
    stream,
    line: stream?.state === 'live' ? ingestState(ingest) : null,
    sent,
    audience: stream?.audience ?? null,
    recording: ingest?.recording ?? 'on',
    publishers: sessions.filter(({ kind }) => kind === 'publisher'),
    viewers,
    copies: sessions.filter(({ kind }) => kind === 'copy').length,
    troubled: viewers.filter(hasTrouble).length,
  }
}

function hasTrouble({ verdict }: ViewerRow): boolean {
  return verdict.level !== 'good'
}

/** With `troubledOnly` streams where all is well are left out. */
export function shownStreams(views: readonly StreamView[], troubledOnly: boolean): readonly StreamView[] {
  if (!troubledOnly) return views
  return views.filter(({ troubled, line, recording }) => troubled > 0 || recording !== 'on' || (line !== null && line.level !== 'good'))
}

/** How many broadcasts are not recorded as they should be. */
export function recordingsInTrouble(views: readonly StreamView[]): { behind: number; off: number } {
  const those = (state: Ingest['recording']) => views.filter(({ recording }) => recording === state).length
  return { behind: those('behind'), off: those('off') }
}

export function shownViewers(view: StreamView, troubledOnly: boolean, order: Order): ViewerRow[] {
  return view.viewers.filter((row) => !troubledOnly || hasTrouble(row)).sort(ORDERS[order])
}

/** People, as nodes count them: of all sessions, also of those that aren't listed. */
export function totalsOf(board: NodeBoard): Totals {
  return {
    nodes: board.items.length,
    live: board.streams.filter(({ state }) => state === 'live' || state === 'interrupted').length,
    viewers: board.streams.reduce((sum, { audience }) => sum + audience.viewers, 0),
    stalling: board.streams.reduce((sum, { audience }) => sum + audience.stalling, 0),
  }
}

function wantsPictures({ mode }: MediaSession): boolean {
  return mode === 'auto' || mode === 'layer'
}
