// The decisions of the operators' pages: how a node is, who has trouble, who is shown and in which order.
import { describe, expect, test } from 'vitest'
import type { Audience, Ingest, MediaNode, MediaSession, NodeBoard, SaleAudit, StreamOnAir } from '@/api/types'
import { judgeViewer, nodeLevel, nodeWord, pictureWord, placesTaken, recordingsInTrouble, shownStreams, shownViewers, streamViews, totalsOf } from './board'
import { faultFigures } from './books'

const NODE: MediaNode = { node_id: 'media-1', state: 'ok', draining: false, publishers: 1, viewers: 2, sessions: 3, most_sessions: 2000, cpu: 0.1 }
const SESSION: MediaSession = {
  node_id: 'media-1',
  id: 'media-1.aaaaaa',
  kind: 'viewer',
  slug: 'zhang',
  state: 'connected',
  age_seconds: 60,
  family: 4,
  transport: 'udp',
  layer: 'h',
  mode: 'auto',
  bitrate: 1_800_000,
  loss: 0,
  rtt_ms: 20,
  nacks: 0,
  stalling: false,
}
const LAYERS = [
  { rid: 'h', bitrate: 1_700_000, width: 1280, height: 720 },
  { rid: 'm', bitrate: 500_000, width: 640, height: 360 },
]
const INGEST: Ingest = { bitrate: 2_300_000, loss: 0, b_frames: false, recording: 'on', layers: LAYERS }
const AUDIENCE: Audience = { viewers: 0, by_layer: {}, slides: 0, audio: 0, stalling: 0, loss: 0, ingest: INGEST }
const STREAM: StreamOnAir = { slug: 'zhang', title: '橙子', host_name: '张红', node_id: 'media-1', state: 'live', audience: AUDIENCE }

function board(change: Partial<NodeBoard>): NodeBoard {
  return { items: [NODE], streams: [STREAM], sessions: [], more_sessions: 0, ...change }
}

function viewer(id: string, change: Partial<MediaSession> = {}): MediaSession {
  return { ...SESSION, id, ...change }
}

describe('a node', () => {
  test.each<[Partial<MediaNode>, string, string]>([
    [{}, 'ok', 'good'],
    [{ sessions: 1800 }, 'full', 'fair'],
    [{ cpu: 0.9 }, 'busy', 'fair'],
    [{ draining: true, sessions: 1900 }, 'draining', 'fair'],
    [{ state: 'no_answer', draining: true }, 'no_answer', 'bad'],
    [{ state: 'bad_answer' }, 'bad_answer', 'bad'],
  ])('with %o is %s', (change, word, level) => {
    const said = nodeWord({ ...NODE, ...change })
    expect([said, nodeLevel(said)]).toEqual([word, level])
  })

  test('without a limit is never full', () => {
    expect(placesTaken({ ...NODE, most_sessions: 0 })).toBe(0)
  })
})

describe('a viewer', () => {
  test.each<[Partial<MediaSession>, string, string]>([
    [{}, 'ok', 'good'],
    [{ stalling: true, loss: 0.2 }, 'stalling', 'bad'],
    [{ loss: 0.1 }, 'loss', 'bad'],
    [{ loss: 0.03 }, 'loss', 'fair'],
    [{ rtt_ms: 800, loss: 0.05 }, 'delay', 'bad'],
    [{ rtt_ms: 300 }, 'delay', 'fair'],
    [{ bitrate: 0 }, 'nothing', 'bad'],
    [{ bitrate: 0, age_seconds: 2 }, 'ok', 'good'],
    [{ bitrate: 0, mode: 'audio' }, 'ok', 'good'],
    [{ state: 'connecting', age_seconds: 2 }, 'connecting', 'good'],
    [{ state: 'connecting', age_seconds: 15 }, 'unconnected', 'bad'],
    [{ state: 'ending', stalling: true }, 'ending', 'good'],
  ])('with %o is %s', (change, word, level) => {
    expect(judgeViewer({ ...SESSION, ...change }, true)).toEqual({ word, level })
  })

  test('has no trouble of his own while the host sends nothing', () => {
    expect(judgeViewer({ ...SESSION, bitrate: 0 }, false).word).toBe('ok')
  })

  test.each<[Partial<MediaSession>, string]>([
    [{}, 'high'],
    [{ layer: 'm' }, 'smooth'],
    [{ layer: 'main' }, 'only'],
    [{ layer: '' }, 'noPicture'],
    [{ layer: '', mode: 'slides' }, 'slides'],
    [{ mode: 'audio' }, 'audio'],
  ])('who has %o gets %s', (change, word) => {
    const layers = streamViews(board({}))[0]?.sent?.layers ?? []
    expect(pictureWord({ ...SESSION, ...change }, layers)).toBe(word)
  })
})

describe('the page', () => {
  const sessions = [
    viewer('host', { kind: 'publisher', layer: null, mode: null }),
    viewer('copy', { kind: 'copy' }),
    viewer('fine', { age_seconds: 5 }),
    viewer('slow', { bitrate: 300_000, age_seconds: 90 }),
    viewer('lossy', { loss: 0.04 }),
    viewer('stalls', { stalling: true, age_seconds: 30 }),
    viewer('lost', { slug: 'gone' }),
  ]
  const calm: StreamOnAir = { ...STREAM, slug: 'calm' }

  test('puts sessions to their streams, also to those that nobody speaks of', () => {
    const [zhang, quiet, gone] = streamViews(board({ streams: [STREAM, calm], sessions }))
    expect([zhang?.publishers.length, zhang?.copies, zhang?.viewers.length, zhang?.troubled]).toEqual([1, 1, 4, 2])
    expect([quiet?.slug, quiet?.viewers.length]).toEqual(['calm', 0])
    expect([gone?.slug, gone?.stream, gone?.line, gone?.viewers.length]).toEqual(['gone', null, null, 1])
  })

  test('shows only streams and viewers with trouble, if asked', () => {
    const views = streamViews(board({ streams: [STREAM, calm], sessions }))
    expect(shownStreams(views, false)).toHaveLength(3)
    expect(shownStreams(views, true).map(({ slug }) => slug)).toEqual(['zhang'])
    expect(views.flatMap((view) => shownViewers(view, true, 'worst')).map(({ session }) => session.id)).toEqual(['stalls', 'lossy'])
  })

  test('shows a stream with trouble on its way in, even if no viewer has any', () => {
    const lossy = { ...STREAM, audience: { ...AUDIENCE, ingest: { ...INGEST, loss: 0.12 } } }
    expect(shownStreams(streamViews(board({ streams: [lossy] })), true)).toHaveLength(1)
  })

  test.each(['behind', 'off'] as const)('shows a stream whose recording is %s as one with trouble, and counts it', (recording) => {
    const unrecorded = { ...STREAM, audience: { ...AUDIENCE, ingest: { ...INGEST, recording } } }
    const views = streamViews(board({ streams: [unrecorded, calm] }))
    expect(views.map((view) => view.recording)).toEqual([recording, 'on'])
    expect(shownStreams(views, true).map(({ slug }) => slug)).toEqual(['zhang'])
    expect(recordingsInTrouble(views)).toEqual({ behind: Number(recording === 'behind'), off: Number(recording === 'off') })
  })

  test.each([
    ['worst', ['stalls', 'lossy', 'fine', 'slow']],
    ['slowest', ['slow', 'fine', 'lossy', 'stalls']],
    ['newest', ['fine', 'stalls', 'lossy', 'slow']],
  ] as const)('orders viewers: %s first', (order, ids) => {
    const zhang = streamViews(board({ sessions })).filter(({ slug }) => slug === 'zhang')
    expect(zhang.flatMap((view) => shownViewers(view, false, order)).map(({ session }) => session.id)).toEqual(ids)
  })

  test('adds up what nodes report, not what is listed', () => {
    const many = { ...STREAM, audience: { ...AUDIENCE, viewers: 1200, stalling: 30 } }
    const waiting: StreamOnAir = { ...calm, state: 'starting' }
    expect(totalsOf(board({ streams: [many, waiting], sessions }))).toEqual({ nodes: 1, live: 1, viewers: 1200, stalling: 30 })
  })
})

describe('the books of a sale', () => {
  const SALE: SaleAudit = { sale_id: 's1', room_id: 'r1', product_id: 'p1', room: null, product_name: null, state: 'open', opens_at: '', closes_at: '', quantity: 10, available: 4, held: 3, sold: 2, returned: 0, held_by_orders: 2, sold_to_orders: 2, faults: ['pots', 'held'], checked_at: '' }

  test.each([
    ['pots', { books: 9, should: 10 }],
    ['held', { books: 3, should: 2 }],
    ['sold', { books: 2, should: 2 }],
  ] as const)('a fault of %s is told with what stands there and what should', (fault, figures) => {
    expect(faultFigures(SALE, fault)).toEqual(figures)
  })
})
