// The decisions of the media machines that need no browser: SDP, statistics, quality, light, sound, waiting.

import { describe, expect, test } from 'vitest'
import { backoffMs } from './backoff'
import { retryAfterMs } from './exchange'
import { lightOf, meanLuma } from './light'
import { playCounters, playStats } from './play-stats'
import { judgeQuality, publishCounters, type PublishStats, publishStats } from './publish-stats'
import { answerAfterRestart, iceCredentials, liveVideoCodecs, restartFragment } from './sdp'
import { levelOf } from './sound-level'

const ANSWER = 'v=0\r\nm=audio 9 X 111\r\na=ice-ufrag:old\r\na=ice-pwd:oldpwd\r\na=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n'

function makeStats(change: Partial<PublishStats> = {}): PublishStats {
  const healthy = { bitrateKbps: 1_800, framesPerSecond: 30, lossPercent: 0, rttMs: 40, width: 1280, height: 720 }
  return { ...healthy, availableKbps: 2_500, limitedBy: 'none', ...change }
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

  test('a host reads loss and round trip from the receiver reports', () => {
    const sent = { type: 'outbound-rtp', kind: 'video', framesEncoded: 30, bytesSent: 250_000, packetsSent: 200 }
    const report = { type: 'remote-inbound-rtp', packetsLost: 20, fractionLost: 0.1, roundTripTime: 0.12 }
    const before = publishCounters([], 0)

    const stats = publishStats(before, publishCounters([sent, report], 1_000))

    expect(stats).toMatchObject({ bitrateKbps: 2_000, lossPercent: 10, rttMs: 120, framesPerSecond: 30 })
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
