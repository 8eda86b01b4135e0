// Reads the playlists that our workers write: what has to be on the device so that one rendition of a lesson plays.

export interface Variant {
  /** The folder of its playlist, which is called as the rendition. */
  name: string
  url: string
  /** The playlist of the sound that belongs to it; null where it has none, or is nothing else. */
  soundUrl: string | null
}

const attribute = (line: string, name: string) => new RegExp(`[:,]${name}="([^"]*)"`).exec(line)?.[1] ?? null

function lines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== '')
}

/** An address as the server's own path, whatever it stands beside. */
export function absolute(uri: string, base: string): string {
  return new URL(uri, new URL(base, 'http://here')).pathname
}

function folderOf(url: string): string {
  return url.split('/').at(-2) ?? ''
}

/** The renditions that a master playlist offers. */
export function readMaster(text: string, base: string): Variant[] {
  const all = lines(text)
  const sounds = new Map<string, string>()
  for (const line of all.filter((line) => line.startsWith('#EXT-X-MEDIA:'))) {
    const [group, uri] = [attribute(line, 'GROUP-ID'), attribute(line, 'URI')]
    if (group && uri) sounds.set(group, absolute(uri, base))
  }
  return all.flatMap((line, at) => {
    const uri = all[at + 1]
    if (!line.startsWith('#EXT-X-STREAM-INF:') || !uri || uri.startsWith('#')) return []
    const url = absolute(uri, base)
    const group = attribute(line, 'AUDIO')
    return [{ name: folderOf(url), url, soundUrl: group ? (sounds.get(group) ?? null) : null }]
  })
}

/** A master playlist with one rendition, readable from any address. */
export function masterOfOne(text: string, base: string, variant: Variant): string {
  const all = lines(text)
  return all
    .flatMap((line, at) => {
      if (line.startsWith('#EXT-X-MEDIA:')) {
        const uri = attribute(line, 'URI')
        const url = uri ? absolute(uri, base) : null
        return url === variant.soundUrl && uri ? [line.replace(`"${uri}"`, `"${url}"`)] : []
      }
      if (line.startsWith('#EXT-X-STREAM-INF:')) return absolute(all[at + 1] ?? '', base) === variant.url ? [line, variant.url] : []
      return line.startsWith('#') ? [line] : []
    })
    .concat('')
    .join('\n')
}

/** Every file that a media playlist names: what players need first, then segments in order. */
export function filesOf(text: string, base: string): string[] {
  const uris = lines(text).flatMap((line) => {
    if (line.startsWith('#EXT-X-MAP:')) return attribute(line, 'URI') ?? []
    return line.startsWith('#') ? [] : line
  })
  return [...new Set(uris.map((uri) => absolute(uri, base)))]
}
