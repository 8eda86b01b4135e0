// Link headers (RFC 8288), as far as WHIP and WHEP need them.

export interface Link {
  /** Absolute. */
  readonly href: string
  readonly rel: readonly string[]
  readonly params: Readonly<Record<string, string>>
}

const LINK = /<([^>]*)>((?:\s*;\s*[\w!#$&+\-.^`|~*]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))?)*)/g
const PARAM = /;\s*([\w!#$&+\-.^`|~*]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+)))?/g

/** Several headers come from fetch as one, joined by commas. What is not understood is left out. */
export function parseLinks(header: string | null, base: string): Link[] {
  return [...(header ?? '').matchAll(LINK)].flatMap(([, target = '', rest = '']) => {
    const href = absolute(target, base)
    if (!href) return []
    const params = Object.fromEntries(
      [...rest.matchAll(PARAM)].map(([, name = '', quoted, plain]) => [name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '']),
    )
    return [{ href, rel: (params['rel'] ?? '').toLowerCase().split(/\s+/), params }]
  })
}

export function linkOf(links: readonly Link[], rel: string): string | null {
  return links.find((link) => link.rel.includes(rel))?.href ?? null
}

/** RFC 9725 section 4.6: STUN servers, and TURN servers with short-lived passwords; a browser would throw at anything else. */
export function iceServersOf(links: readonly Link[]): RTCIceServer[] {
  return links.flatMap(({ href, rel, params: { username, credential } }) => {
    if (!rel.includes('ice-server')) return []
    if (/^stuns?:/.test(href)) return [{ urls: href }]
    return /^turns?:/.test(href) && username && credential ? [{ urls: href, username, credential }] : []
  })
}

/** The address of a room's picture as it is asked for by who has a pass; others ask for it as it is. */
export function withPass(url: string, pass: string | null | undefined): string {
  return pass ? `${url}${url.includes('?') ? '&' : '?'}pass=${pass}` : url
}

function absolute(target: string, base: string): string | null {
  try {
    return new URL(target, base).href
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
