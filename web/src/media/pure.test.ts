// The decisions of the media machines that need no browser: SDP, statistics, quality, light, sound, waiting.

import { describe, expect, test } from 'vitest'
import { backoffMs } from './backoff'
import { retryAfterMs } from './exchange'
import { lightOf, meanLuma } from './light'
import { iceServersOf, linkOf, parseLinks } from './links'
import { layerRequest, offeredQualities, type PictureLayer, readLayers, shownWord } from './picture-choice'
import { playCounters, playStats } from './play-stats'
import { judgeQuality, publishCounters, type PublishStats, publishStats } from './publish-stats'
import { answerAfterRestart, iceCredentials, liveVideoCodecs, restartFragment } from './sdp'
import { encodingsFor } from './simulcast'
import { levelOf } from './sound-level'

const ANSWER = 'v=0\r\nm=audio 9 X 111\r\na=ice-ufrag:old\r\na=ice-pwd:oldpwd\r\na=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n'

function makeStats(change: Partial<PublishStats> = {}): PublishStats {
  const healthy = { bitrateKbps: 1_800, framesPerSecond: 30, lossPercent: 0, rttMs: 40, width: 1280, height: 720 }
  return { ...healthy, availableKbps: 2_500, limitedBy: 'none', layers: [], ...change }
}

function makeLayer(rid: string, framesPerSecond: number) {
  return { rid, framesPerSecond, bitrateKbps: 600, width: 640, height: 360 }
}

describe('session descriptions', () => {
  test('a restart fragment carries the new credentials and the first m-line', () => {
    const offer = 'v=0\r\na=group:BUNDLE 0\r\nm=audio 9 X 111\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\n'

    expect(restartFragment(offer)).toBe(
      'a=group:BUNDLE 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\nm=audio 9 X 111\r\na=mid:0\r\n',
    )
  })

  test('the renewed answer differs only in credentials and candidates', () => {
    const fragment = 'a=ice-ufrag:new\r\na=ice-pwd:newpwd\r\na=candidate:9 1 udp 1 10.0.0.9 9 typ host\r\n'

    const renewed = answerAfterRestart(ANSWER, fragment)

    expect(iceCredentials(renewed)).toEqual({ ufrag: 'new', pwd: 'newpwd' })
    expect(renewed.match(/a=candidate/g)).toHaveLength(1)
    expect(renewed).toContain('10.0.0.9')
    expect(renewed).toContain('m=audio 9 X 111\r\n')
  })

  test('candidates stay when the fragment brings none', () => {
    expect(answerAfterRestart(ANSWER, 'a=ice-ufrag:new\r\na=ice-pwd:newpwd\r\n')).toContain('10.0.0.1')
  })

  test('only forwardable codecs are offered, baseline H.264 first', () => {
    const codecs = [
      { mimeType: 'video/AV1' },
      { mimeType: 'video/rtx' },
      { mimeType: 'video/VP8' },
      { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=0;profile-level-id=42e01f' },
      { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=4d001f' },
      { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=42e01f' },
    ]

    const order = liveVideoCodecs(codecs).map((codec) => codec.sdpFmtpLine?.slice(19) ?? codec.mimeType)

    expect(order).toEqual([
      '1;profile-level-id=42e01f',
      '1;profile-level-id=4d001f',
      'video/VP8',
      '0;profile-level-id=42e01f',
      'video/rtx',
    ])
  })
})

describe('simulcast', () => {
  test('a 720p camera is sent in three sizes, best first', () => {
    const layers = encodingsFor(1280, 720)

    expect(layers.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy ?? 1])).toEqual([['h', 1], ['m', 2], ['l', 4]])
    expect(layers.map(({ maxBitrate }) => maxBitrate)).toEqual([2_200_000, 630_000, 180_000])
  })

  test.each([
    [720, 1280, 3],
    [1920, 1080, 3],
    [640, 480, 2],
    [320, 240, 1],
  ])('a camera of %i by %i is sent in %i sizes, none above 2.5 Mbit/s', (width, height, count) => {
    const layers = encodingsFor(width, height)

    expect(layers).toHaveLength(count)
    expect(Math.max(...layers.map(({ maxBitrate = 0 }) => maxBitrate))).toBeLessThanOrEqual(2_500_000)
  })
})

describe('links', () => {
  const BASE = 'http://media.test/whep/juzi'

  test('several come in one header, with commas in addresses and in quotes', () => {
    const links = parseLinks('</a,b>; rel="x y"; events="active,layers", <turn:t.test>; rel=ice-server; credential="a\\"b"', BASE)

    expect(links).toEqual([
      { href: 'http://media.test/a,b', rel: ['x', 'y'], params: { rel: 'x y', events: 'active,layers' } },
      { href: 'turn:t.test', rel: ['ice-server'], params: { rel: 'ice-server', credential: 'a"b' } },
    ])
    expect(linkOf(links, 'y')).toBe('http://media.test/a,b')
    expect(linkOf(links, 'unknown')).toBeNull()
  })

  test('ICE servers are those that a browser takes', () => {
    const login = 'username="u"; credential="p"; credential-type="password"'
    const header = `<stun:a.test>; rel="ice-server", <turn:b.test:3478?transport=udp>; rel="ice-server"; ${login}, <turn:c.test>; rel="ice-server", <http://d.test>; rel="ice-server", <turn:e.test>; rel="other"; ${login}`

    expect(iceServersOf(parseLinks(header, BASE))).toEqual([
      { urls: 'stun:a.test' },
      { urls: 'turn:b.test:3478?transport=udp', username: 'u', credential: 'p' },
    ])
  })

  test.each([null, '', 'rubbish', '<http://[>; rel="x"', '<'])('nothing is found in %s', (header) => {
    expect(parseLinks(header, BASE)).toEqual([])
  })
})

describe('what a viewer can choose', () => {
  const layer = (rid: string, bitrate: number, selected = false): PictureLayer => ({ rid, bitrate, selected, width: 0, height: 0 })
  const three = [layer('h', 1_800_000), layer('m', 600_000, true), layer('l', 150_000)]

  test('sizes are offered only where there are several', () => {
    expect(offeredQualities(three)).toEqual(['auto', 'high', 'smooth', 'slides', 'audio'])
    expect(offeredQualities([layer('', 900_000)])).toEqual(['auto', 'slides', 'audio'])
    expect(offeredQualities([])).toEqual(['auto', 'slides', 'audio'])
  })

  test.each([
    ['auto', three, {}],
    ['high', three, { rid: 'h' }],
    ['smooth', three, { rid: 'm' }],
    ['slides', three, { mode: 'slides' }],
    ['audio', three, { mode: 'audio' }],
    ['smooth', three.slice(0, 2), { rid: 'm' }],
    ['high', [layer('h', 0), ...three.slice(1)], { rid: 'm' }],
    ['high', [layer('', 900_000)], {}],
    ['high', [], {}],
  ] as const)('%s is asked as it can be', (wish, layers, request) => {
    expect(layerRequest(wish, layers)).toEqual(request)
  })

  test('automatic says what it shows', () => {
    expect(shownWord(three)).toBe('smooth')
    expect(shownWord([layer('h', 1), layer('m', 1), layer('l', 1, true)])).toBe('small')
    expect(shownWord([layer('', 1, true)])).toBeNull()
    expect(shownWord([])).toBeNull()
  })

  test('the node names layers by their m-line; what it leaves out is zero', () => {
    expect(readLayers({ 1: [{ rid: 'h', bitrate: 5, selected: true }, { width: 1 }, 'x'] })).toEqual([
      { rid: 'h', bitrate: 5, width: 0, height: 0, selected: true },
    ])
    for (const rubbish of [null, 5, 'x', {}, { 0: 'x' }]) expect(readLayers(rubbish)).toBeNull()
  })
})

describe('statistics', () => {
  test('a viewer reads bitrate, frames and loss of the last second', () => {
    const entry = { type: 'inbound-rtp', kind: 'video', frameWidth: 1280, frameHeight: 720 }
    const before = playCounters([{ ...entry, bytesReceived: 0, packetsReceived: 0, packetsLost: 0, framesDecoded: 0 }], 0)
    const now = playCounters(
      [{ ...entry, bytesReceived: 125_000, packetsReceived: 95, packetsLost: 5, framesDecoded: 25 }],
      1_000,
    )

    expect(playStats(before, now)).toMatchObject({ bitrateKbps: 1_000, framesPerSecond: 25, lossPercent: 5, width: 1280 })
  })

  test('a viewer knows how old the picture is that he sees', () => {
    const pair = { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.08 }
    const video = { type: 'inbound-rtp', kind: 'video' }
    const before = playCounters([pair, { ...video, jitterBufferDelay: 2, jitterBufferEmittedCount: 100 }], 0)
    const now = playCounters([pair, { ...video, jitterBufferDelay: 4.5, jitterBufferEmittedCount: 125 }], 1_000)

    expect(playStats(before, now).delayMs).toBe(140)
    expect(playStats(now, now).delayMs).toBe(40)
  })

  test('a host reads loss and round trip from the receiver reports', () => {
    const sent = { type: 'outbound-rtp', kind: 'video', framesEncoded: 30, bytesSent: 250_000, packetsSent: 200 }
    const report = { type: 'remote-inbound-rtp', packetsLost: 20, fractionLost: 0.1, roundTripTime: 0.12 }
    const before = publishCounters([], 0)

    const stats = publishStats(before, publishCounters([sent, report], 1_000))

    expect(stats).toMatchObject({ bitrateKbps: 2_000, lossPercent: 10, rttMs: 120, framesPerSecond: 30 })
  })

  test('a host reads all layers together and each one alone, best first', () => {
    const layer = (rid: string, width: number, framesEncoded: number, bytesSent: number, active = true) => ({
      type: 'outbound-rtp', kind: 'video', rid, active, framesEncoded, bytesSent, packetsSent: 100, frameWidth: width, frameHeight: width / 2, qualityLimitationReason: 'bandwidth',
    })
    const padded = { ...layer('l', 320, 15, 90_000), targetBitrate: 160_000 }
    const sound = { type: 'outbound-rtp', kind: 'audio', bytesSent: 5_000, packetsSent: 50 }

    const stats = publishStats(
      publishCounters([], 0),
      publishCounters([padded, layer('h', 0, 0, 0), layer('m', 640, 30, 75_000), layer('x', 0, 0, 0, false), sound], 1_000),
    )

    expect(stats.layers.map(({ rid, bitrateKbps, framesPerSecond }) => [rid, bitrateKbps, framesPerSecond])).toEqual([
      ['h', 0, 0],
      ['m', 600, 30],
      ['l', 160, 15],
    ])
    expect(stats).toMatchObject({ bitrateKbps: 1_360, framesPerSecond: 30, width: 640, height: 320, limitedBy: 'bandwidth' })
  })
})

describe('the connection in words', () => {
  test.each([
    [{}, 'good', 'ok'],
    [{ lossPercent: 4 }, 'fair', 'loss'],
    [{ lossPercent: 12 }, 'bad', 'loss'],
    [{ bitrateKbps: 500, limitedBy: 'bandwidth' }, 'fair', 'slow_line'],
    [{ bitrateKbps: 120, limitedBy: 'bandwidth' }, 'bad', 'slow_line'],
    [{ bitrateKbps: 120, limitedBy: 'none' }, 'good', 'ok'],
    [{ rttMs: 400 }, 'fair', 'delay'],
    [{ rttMs: 900 }, 'bad', 'delay'],
    [{ limitedBy: 'cpu', framesPerSecond: 8 }, 'fair', 'busy_device'],
    [{ framesPerSecond: 0 }, 'bad', 'no_picture'],
    [{ limitedBy: 'bandwidth', layers: [makeLayer('h', 0), makeLayer('m', 30)] }, 'fair', 'slow_line'],
    [{ limitedBy: 'bandwidth', layers: [makeLayer('h', 30), makeLayer('m', 30)] }, 'good', 'ok'],
  ] as const)('%o is %s because of %s', (change, level, reason) => {
    expect(judgeQuality(makeStats(change), 60_000)).toEqual({ level, reason })
  })

  test('a stream that has just begun is not blamed for its low bitrate', () => {
    const stats = makeStats({ bitrateKbps: 120, limitedBy: 'bandwidth', framesPerSecond: 0 })

    expect(judgeQuality(stats, 2_000)).toEqual({ level: 'good', reason: 'starting' })
  })
})

test('light is judged from the mean luma', () => {
  const grey = (value: number) => new Uint8ClampedArray([value, value, value, 255, value, value, value, 255])

  expect([20, 120, 240].map((value) => lightOf(meanLuma(grey(value))))).toEqual(['dark', 'good', 'bright'])
})

test('silence is 0 and a full-scale square wave is 1 on the meter', () => {
  expect(levelOf(new Float32Array(64))).toBe(0)
  expect(levelOf(new Float32Array(64).fill(1))).toBe(1)
  expect(levelOf(new Float32Array(64).fill(0.05))).toBeCloseTo(0.566, 2)
})

test('waiting doubles up to a limit and is spread over the upper half', () => {
  expect([1, 2, 3, 9].map((attempt) => backoffMs(attempt, () => 1))).toEqual([500, 1_000, 2_000, 8_000])
  expect(backoffMs(9, () => 0)).toBe(4_000)
})

test('Retry-After is understood in seconds only', () => {
  expect([retryAfterMs('2'), retryAfterMs(null), retryAfterMs('Wed, 21 Oct 2026')]).toEqual([2_000, null, null])
})
