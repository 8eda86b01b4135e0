// The decisions of the studio: phases, checks, upload speed, sale drafts and changes, charts.
import { describe, expect, test } from 'vitest'
import type { Audience, Ingest, Product, Sale, Stream, StreamState } from '@/api/types'
import { audienceRows, ingestState, otherKbps, sentOf, stallingPercent, withoutMonitor } from '@/lib/line-figures'
import type { PublishStats } from '@/media/publish-stats'
import { checksOf, type Findings } from './checks'
import { endedStream } from './ended-stream'
import { barsOf, lineOf } from './chart'
import { onAir, phaseOf } from './phase'
import { canOpenSale, changeOf, draftOf, fenOf, suggestedPrice, withFresh } from './sale-draft'
import { randomBody, uploadKbps } from './upload-speed'

const GOOD: Findings = { cameraOpen: true, cameraProblem: null, hasSound: true, loudest: 0.7, light: 'good', uploadKbps: 4_000 }
const PRODUCT: Product = { id: 'p1', merchant_id: 'm1', merchant_name: '', name: '橙子', description: '', price_fen: 2980, unit: '箱', stock: 5, picture_url: null, report_url: null, withdrawn: false, origin: '' }
const FORM = { price: '19.9', quantity: 3, perBuyer: 1, minutes: 3, startsIn: 0 }

function verdicts(change: Partial<Findings>): Record<string, string> {
  return Object.fromEntries(checksOf({ ...GOOD, ...change }).map((check) => [check.name, `${check.verdict}:${check.words}`]))
}

describe('phases', () => {
  test.each([
    ['before', false, false, 'ready'],
    ['before', true, false, 'mine'],
    ['live', true, false, 'mine'],
    ['live', false, false, 'external'],
    ['interrupted', false, true, 'external'],
    ['ended', false, true, 'ended'],
    ['ended', false, false, 'ready'],
  ] as const)('stage %s, sending %s, ended %s: %s', (stage, sending, ended, phase) => {
    expect(phaseOf(stage, sending, ended)).toBe(phase)
  })

  test('goods can be shown while viewers see a picture or are told that it comes back', () => {
    expect((['before', 'starting', 'live', 'interrupted', 'ended'] as const).filter(onAir)).toEqual(['live', 'interrupted'])
  })
})

describe('the end of the broadcast', () => {
  const make = (id: string, state: StreamState, lesson_id: string | null = null): Stream => ({ id, room_id: 'r1', state, started_at: null, ended_at: null, lesson_id })

  test('of the stream that was on is an end, told by its event or by a snapshot', () => {
    expect(endedStream(make('a', 'ended'), make('a', 'live'), null, null)?.id).toBe('a')
    expect(endedStream(null, make('a', 'interrupted'), make('a', 'ended'), null)?.id).toBe('a')
  })

  test.each([
    ['the replay of a stream that was over already', make('a', 'ended', 'l1'), make('a', 'ended'), null],
    ['the replay of another stream', make('a', 'ended', 'l1'), make('b', 'live'), null],
    ['the replay of a stream that was not known to be on', make('a', 'ended', 'l1'), null, null],
    ['the end that the host pressed himself, told late', make('a', 'ended'), make('a', 'live'), 'a'],
    ['a stream that goes on', make('a', 'interrupted'), make('a', 'live'), null],
    ['a stream that never began', make('a', 'cancelled'), make('a', 'starting'), null],
  ])('is not %s', (_what, now, before, known) => {
    expect(endedStream(now, before, make('a', 'ended'), known)).toBeNull()
  })
})

describe('checks', () => {
  test('all is well', () => {
    expect(Object.values(verdicts({}))).toEqual(['good:good', 'good:good', 'good:good', 'good:good'])
  })

  test('a missing camera is one thing to put right, not three', () => {
    expect(verdicts({ cameraOpen: false, cameraProblem: 'denied' })).toEqual({ camera: 'bad:denied', upload: 'good:good' })
  })

  test.each([
    [{ loudest: 0.1 }, 'sound', 'fair:quiet'],
    [{ hasSound: false }, 'sound', 'bad:none'],
    [{ light: 'dark' as const }, 'light', 'fair:dark'],
    [{ uploadKbps: 800 }, 'upload', 'fair:fair'],
    [{ uploadKbps: 200 }, 'upload', 'bad:bad'],
    [{ uploadKbps: Number.NaN }, 'upload', 'fair:unknown'],
    [{ uploadKbps: null }, 'upload', 'busy:busy'],
  ])('%o', (change, name, verdict) => {
    expect(verdicts(change)[name]).toBe(verdict)
  })
})

describe('upload speed', () => {
  test('is timed on the second body', async () => {
    const sizes: number[] = []
    const moments = [0, 1_000]

    const kbps = await uploadKbps(
      async (body) => void sizes.push(body.size),
      () => moments.shift() ?? 0,
    )

    expect(sizes).toEqual([16_000, 256_000])
    expect(kbps).toBe(2_048)
  })

  test('is unknown when the server can not be asked', async () => {
    const failing = async () => {
      throw new Error('not found')
    }

    expect(await uploadKbps(failing)).toBeNaN()
  })

  test('bodies may be larger than one call for random bytes gives', () => {
    expect(randomBody(200_000).size).toBe(200_000)
  })
})

describe('the line', () => {
  const layer = (rid: string, bitrate: number, width: number) => ({ rid, bitrate, width, height: width / 2 })
  const INGEST: Ingest = { bitrate: 2_340_000, loss: 0.004, b_frames: false, recording: 'on', layers: [layer('h', 1_700_000, 1280), layer('m', 500_000, 640), layer('l', 0, 320)] }
  const AUDIENCE: Audience = { viewers: 12, by_layer: { h: 6, m: 0, l: 3 }, slides: 1, audio: 2, stalling: 1, loss: 0.01, ingest: INGEST }

  test('of this page is told by the browser, of other software by the media node', () => {
    const stats = { bitrateKbps: 900, lossPercent: 1.5, rttMs: 40, layers: [{ rid: '', bitrateKbps: 850, framesPerSecond: 30, width: 640, height: 360 }] } as unknown as PublishStats

    expect(sentOf(stats, INGEST)).toEqual({ kbps: 900, lossPercent: 1.5, rttMs: 40, layers: [{ rid: '', word: 'only', kbps: 850, fps: 30, width: 640, height: 360 }] })
    expect(sentOf(null, INGEST)).toMatchObject({ kbps: 2_340, lossPercent: 0.4, rttMs: null, layers: [{ word: 'high', kbps: 1_700, fps: null }, { word: 'smooth' }, { word: 'small', kbps: 0 }] })
    expect(sentOf(null, null)).toBeNull()
    expect([sentOf(stats, null), sentOf(null, INGEST)].map((sent) => sent && otherKbps(sent))).toEqual([50, 140])
  })

  test('shows who gets what, best first and nobody left out', () => {
    const { layers = [] } = sentOf(null, INGEST) ?? {}

    expect(audienceRows(AUDIENCE, layers)).toEqual([
      { word: 'high', count: 6 },
      { word: 'small', count: 3 },
      { word: 'slides', count: 1 },
      { word: 'audio', count: 2 },
    ])
    expect(audienceRows(AUDIENCE, [])[0]).toEqual({ word: 'only', count: 9 })
  })

  test("does not count the studio's own look at the picture", () => {
    expect(withoutMonitor(AUDIENCE, 'h')).toMatchObject({ viewers: 11, by_layer: { h: 5, l: 3 } })
    expect(withoutMonitor({ ...AUDIENCE, viewers: 3, by_layer: { '': 3 } }, 'main')).toMatchObject({ viewers: 2, by_layer: { '': 2 } })
    expect(withoutMonitor(AUDIENCE, 'm')).toBe(AUDIENCE)
    expect(withoutMonitor(AUDIENCE, null)).toBe(AUDIENCE)
  })

  test.each([
    [12, 1, 8],
    [3, 3, 100],
    [0, 0, 0],
  ])('of %i viewers %i with stalls are %i percent', (viewers, stalling, share) => {
    expect(stallingPercent({ ...AUDIENCE, viewers, stalling })).toBe(share)
  })

  test.each([
    [{}, 'good', 'ok'],
    [{ loss: 0.04 }, 'fair', 'loss'],
    [{ b_frames: true }, 'fair', 'b_frames'],
    [{ loss: 0.2, b_frames: true }, 'bad', 'loss'],
  ])('of other software with %o is %s because of %s', (change, level, reason) => {
    expect(ingestState({ ...INGEST, ...change })).toEqual({ level, reason })
    expect(ingestState(null)).toBeNull()
  })
})

describe('the sale desk', () => {
  test.each([
    ['19.9', 1990],
    ['19.90', 1990],
    [' ¥20 ', 2000],
    ['0.05', 5],
    ['8。5', 850],
    ['0', null],
    ['-3', null],
    ['1.999', null],
    ['abc', null],
    ['', null],
  ])('a price of "%s" is %s fen', (text, fen) => {
    expect(fenOf(text)).toBe(fen)
  })

  test('a fifth off is suggested, to a round ten fen', () => {
    expect([2980, 1000, 16800].map(suggestedPrice)).toEqual(['23.8', '8', '134.4'])
  })

  test('a good form becomes a draft', () => {
    expect(draftOf(PRODUCT, FORM)).toEqual({ product_id: 'p1', price_fen: 1990, quantity: 3, per_buyer: 1, duration_seconds: 180, starts_in_seconds: 0 })
  })

  test.each([
    [{ price: 'x' }, 'price'],
    [{ price: '30' }, 'price_high'],
    [{ quantity: 6 }, 'quantity'],
    [{ perBuyer: 4 }, 'per_buyer'],
  ])('%o is told as %s', (change, problem) => {
    expect(draftOf(PRODUCT, { ...FORM, ...change })).toBe(problem)
  })
})

describe('the shelf', () => {
  test.each([
    ['for sale', {}, true],
    ['without stock', { stock: 0 }, false],
    ['withdrawn, with stock', { withdrawn: true }, false],
  ])('a sale can be opened of what is there and sold: %s', (_, change, can) => {
    expect(canOpenSale({ ...PRODUCT, ...change })).toBe(can)
  })

  test('what a card tells is on the shelf, but not the stock of what is withdrawn, which it does not know', () => {
    const tea = { ...PRODUCT, id: 'p2', stock: 9 }
    expect(withFresh([PRODUCT, tea], { ...PRODUCT, stock: 4 })).toEqual([{ ...PRODUCT, stock: 4 }, tea])
    expect(withFresh([PRODUCT, tea], { ...PRODUCT, stock: 0, withdrawn: true })).toEqual([{ ...PRODUCT, withdrawn: true }, tea])
  })
})

describe('changing a sale that runs', () => {
  const SALE: Sale = { id: 's1', room_id: 'r1', product: PRODUCT, price_fen: 1990, quantity: 3, per_buyer: 1, hold_seconds: 300, state: 'open', available: 3, held: 0, sold: 0, returned: 0, planned: false, opens_at: '', closes_at: '' }
  const SAME = { price: '19.9', more: 0, perBuyer: 1, minutes: 0 }

  test.each([
    ['nothing', {}, {}],
    ['the price', { price: '18' }, { price_fen: 1800 }],
    ['more pieces', { more: 2 }, { more: 2 }],
    ['the limit, of a buyer and so of an order', { perBuyer: 2 }, { per_buyer: 2, per_order: 2 }],
    ['three minutes more than are left', { minutes: 3 }, { remaining_seconds: 270 }],
  ])('sends only what is different: %s', (_what, change, sent) => {
    expect(changeOf(SALE, { ...SAME, ...change }, 90_400)).toEqual(sent)
  })

  test('refuses a price that is none, or above the usual one', () => {
    expect(changeOf(SALE, { ...SAME, price: 'x' }, 0)).toBe('price')
    expect(changeOf(SALE, { ...SAME, price: '29.81' }, 0)).toBe('price_high')
  })
})

describe('charts', () => {
  test('the highest bar reaches the top, and what is to come stays free', () => {
    expect(barsOf([1, 4], 4).map(({ x, height }) => [x, height])).toEqual([[0, 25], [25, 100]])
  })

  test('no orders are flat bars, not a division by nothing', () => {
    expect(barsOf([0, 0], 2).map(({ height }) => height)).toEqual([0, 0])
  })

  test('a line goes from the first number to the last', () => {
    expect(lineOf([0, 5, 10])).toBe('0,100 50,50 100,0')
    expect(lineOf([7])).toBe('0,0 100,0')
  })
})
