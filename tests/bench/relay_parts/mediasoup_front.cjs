// WHIP and WHEP in front of one mediasoup worker, as far as the benchmark's load speaks them: what the load does not
// read (most codecs, header extensions' numbers, trickle) is not answered. `mediasoup` is found through NODE_PATH.
'use strict'
const http = require('node:http')
const mediasoup = require('mediasoup')

const [httpPort, udpPort] = process.argv.slice(2, 4).map(Number)
const estimates = process.argv[4] === 'estimating' // whether it estimates each viewer's bandwidth, from REMB, and probes
const ADDRESS = '127.0.0.1'
const ABS_SEND_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time'
const feedback = [
  { type: 'goog-remb' },
  { type: 'ccm', parameter: 'fir' },
  { type: 'nack' },
  { type: 'nack', parameter: 'pli' },
]
const vp8 = { kind: 'video', mimeType: 'video/VP8', clockRate: 90000, preferredPayloadType: 96 }
const opus = { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2, preferredPayloadType: 111 }
// What the load's offers have of what the server can do.
const publisherCodecs = {
  video: { mimeType: 'video/VP8', payloadType: 96, clockRate: 90000, rtcpFeedback: feedback },
  audio: { mimeType: 'audio/opus', payloadType: 111, clockRate: 48000, channels: 2 },
}
const rtx = { mimeType: 'video/rtx', payloadType: 97, clockRate: 90000, parameters: { apt: 96 } }

const only = (text, pattern) => {
  const found = pattern.exec(text)
  if (!found) throw new Error(`the offer has no ${pattern}`)
  return found[1]
}
const sectionsOf = (offer) =>
  offer
    .split(/^m=/m)
    .slice(1)
    .map((text) => ({ kind: text.split(' ', 1)[0], mid: only(text, /^a=mid:(\S+)/m), text }))

function answerOf(transport, sections, direction, ssrcs) {
  const { usernameFragment, password } = transport.iceParameters
  const fingerprint = transport.dtlsParameters.fingerprints.find((f) => f.algorithm === 'sha-256').value
  const lines = ['v=0', `o=- 1 1 IN IP4 ${ADDRESS}`, 's=-', 't=0 0', 'a=ice-lite']
  lines.push(`a=group:BUNDLE ${sections.map((s) => s.mid).join(' ')}`)
  for (const { kind, mid } of sections) {
    const isVideo = kind === 'video'
    lines.push(`m=${kind} 9 UDP/TLS/RTP/SAVPF ${isVideo ? '96 97' : '111'}`, `c=IN IP4 ${ADDRESS}`, `a=mid:${mid}`)
    lines.push(`a=ice-ufrag:${usernameFragment}`, `a=ice-pwd:${password}`, `a=fingerprint:sha-256 ${fingerprint}`)
    lines.push('a=setup:passive', `a=${direction}`, 'a=rtcp-mux')
    if (isVideo) lines.push('a=rtpmap:96 VP8/90000', 'a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96')
    else lines.push('a=rtpmap:111 opus/48000/2')
    for (const c of transport.iceCandidates) {
      lines.push(`a=candidate:${c.foundation} 1 ${c.protocol} ${c.priority} ${c.address} ${c.port} typ host`)
    }
    if (ssrcs[kind]) lines.push(`a=ssrc:${ssrcs[kind]} cname:bench`)
  }
  return lines.join('\r\n') + '\r\n'
}

async function main() {
  const worker = await mediasoup.createWorker({ logLevel: 'warn' })
  worker.on('died', (error) => {
    console.error(String(error))
    process.exit(1)
  })
  const webRtcServer = await worker.createWebRtcServer({
    listenInfos: [{ protocol: 'udp', ip: ADDRESS, port: udpPort }],
  })
  const router = await worker.createRouter({ mediaCodecs: [vp8, opus] })
  const producers = []

  const connected = async (offer) => {
    const transport = await router.createWebRtcTransport({ webRtcServer, enableTcp: false })
    const value = only(offer, /^a=fingerprint:sha-256 (\S+)/m)
    await transport.connect({ dtlsParameters: { role: 'client', fingerprints: [{ algorithm: 'sha-256', value }] } })
    return transport
  }
  const publish = async (offer) => {
    const [transport, sections] = [await connected(offer), sectionsOf(offer)]
    for (const { kind, text } of sections) {
      const encoding = { ssrc: Number(only(text, /^a=ssrc:(\d+) /m)) }
      const repaired = /^a=ssrc-group:FID \d+ (\d+)/m.exec(text)
      if (repaired) encoding.rtx = { ssrc: Number(repaired[1]) }
      const codecs = [publisherCodecs[kind], ...(repaired ? [rtx] : [])]
      producers.push(await transport.produce({ kind, rtpParameters: { codecs, encodings: [encoding] } }))
    }
    return answerOf(transport, sections, 'recvonly', {})
  }
  const view = async (offer) => {
    const [transport, sections, ssrcs] = [await connected(offer), sectionsOf(offer), {}]
    const { codecs, headerExtensions } = router.rtpCapabilities
    const rtpCapabilities = {
      codecs: codecs.map((codec) => ({
        ...codec,
        rtcpFeedback: codec.rtcpFeedback.filter((f) => codec.kind === 'video' && f.type !== 'transport-cc'),
      })),
      headerExtensions: headerExtensions.filter((e) => estimates && e.uri === ABS_SEND_TIME),
    }
    for (const producer of producers) {
      const consumer = await transport.consume({ producerId: producer.id, rtpCapabilities })
      ssrcs[consumer.kind] = consumer.rtpParameters.encodings[0].ssrc
    }
    return answerOf(transport, sections, 'sendonly', ssrcs)
  }

  const server = http.createServer((request, response) => {
    const say = (status, text) => response.writeHead(status).end(text)
    if (request.url === '/worker') return say(200, String(worker.pid))
    if (request.method === 'GET') return say(request.url === '/metrics' ? 200 : 404, '')
    const parts = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      const join = request.url.startsWith('/whip/') ? publish : view
      join(Buffer.concat(parts).toString()).then(
        (answer) => say(201, answer),
        (error) => say(500, String(error)),
      )
    })
  })
  server.listen(httpPort, ADDRESS)
  process.on('SIGTERM', () => {
    worker.close()
    process.exit(0)
  })
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
