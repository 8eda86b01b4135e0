// Link headers (RFC 8288), as far as WHEP needs them.

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

function absolute(target: string, base: string): string | null {
  try {
    return new URL(target, base).href
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
