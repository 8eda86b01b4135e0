// The few things that a page reads from or writes into session descriptions: ICE credentials and codec order.

export interface IceCredentials {
  readonly ufrag: string
  readonly pwd: string
}

export function iceCredentials(sdp: string): IceCredentials | null {
  const ufrag = /^a=ice-ufrag:(\S+)\s*$/m.exec(sdp)?.[1]
  const pwd = /^a=ice-pwd:(\S+)\s*$/m.exec(sdp)?.[1]
  return ufrag && pwd ? { ufrag, pwd } : null
}

/** The body of an ICE restart (RFC 8840): new credentials and the first m-line that they are for. */
export function restartFragment(offer: string): string {
  const credentials = iceCredentials(offer)
  if (!credentials) throw new Error('offer without ICE credentials')
  const mLine = /^m=.*$/m.exec(offer)?.[0]?.trimEnd()
  const mid = /^a=mid:(\S+)\s*$/m.exec(offer)?.[1]
  const group = /^a=group:BUNDLE .*$/m.exec(offer)?.[0]?.trimEnd()
  const lines = [`a=ice-ufrag:${credentials.ufrag}`, `a=ice-pwd:${credentials.pwd}`]
  if (group) lines.unshift(group)
  if (mLine && mid) lines.push(mLine, `a=mid:${mid}`)
  return `${lines.join('\r\n')}\r\n`
}

/** The last answer with the credentials (and candidates, if there are any) of the server's restart fragment. */
export function answerAfterRestart(answer: string, fragment: string): string {
  const credentials = iceCredentials(fragment)
  if (!credentials) throw new Error('restart answered without ICE credentials')
  const candidates = fragment.match(/^a=candidate:.*$/gm)?.map((line) => line.trimEnd()) ?? []
  let renewed = answer
    .replace(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${credentials.ufrag}`)
    .replace(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${credentials.pwd}`)
  if (candidates.length > 0) {
    renewed = renewed.replace(/^a=candidate:.*\r?\n/gm, '')
    renewed = renewed.replace(/^(a=ice-pwd:.*)$/gm, `$1\r\n${candidates.join('\r\n')}`)
  }
  return renewed.replace(/\r?\n/g, '\r\n')
}

interface Codec {
  readonly mimeType: string
  readonly sdpFmtpLine?: string
}

/**
 * The codecs that the media node forwards, H.264 before VP8: phones have hardware for H.264 and the recorder keeps it as it
 * is. RTX stays in the list because it repairs losses; it is no picture codec of its own.
 */
export function liveVideoCodecs<C extends Codec>(codecs: readonly C[]): C[] {
  const rank = (codec: C): number => {
    const mime = codec.mimeType.toLowerCase()
    const fmtp = codec.sdpFmtpLine ?? ''
    if (mime === 'video/h264') {
      if (!fmtp.includes('packetization-mode=1')) return 3
      return fmtp.includes('profile-level-id=42e0') ? 0 : 1
    }
    if (mime === 'video/vp8') return 2
    return mime === 'video/rtx' ? 4 : -1
  }
  return codecs.filter((codec) => rank(codec) >= 0).sort((a, b) => rank(a) - rank(b))
}
