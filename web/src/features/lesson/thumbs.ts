// Small pictures for the seek bar: a WebVTT file that names a place on a sheet for each stretch of the video.

export interface Thumb {
  startMs: number
  endMs: number
  url: string
  x: number
  y: number
  width: number
  height: number
}

const TIMES = /^(\d+):(\d\d):(\d\d)\.(\d{3}) --> (\d+):(\d\d):(\d\d)\.(\d{3})$/
const PLACE = /^([\w.-]+)#xywh=(\d+),(\d+),(\d+),(\d+)$/

/** What a WebVTT of ours says; lines that say something else are left out. */
export function readThumbs(text: string, base: string): Thumb[] {
  return text.split(/\r?\n\r?\n/).flatMap((entry) => {
    const [times = '', place = ''] = entry.trim().split(/\r?\n/)
    const when = TIMES.exec(times)?.slice(1).map(Number)
    const where = PLACE.exec(place)
    if (!when || !where) return []
    const [x = 0, y = 0, width = 0, height = 0] = where.slice(2).map(Number)
    const url = new URL(where[1] ?? '', new URL(base, window.location.href)).href
    return [{ startMs: milliseconds(when.slice(0, 4)), endMs: milliseconds(when.slice(4)), url, x, y, width, height }]
  })
}

export function thumbAt(thumbs: readonly Thumb[], ms: number): Thumb | null {
  return thumbs.find(({ startMs, endMs }) => ms >= startMs && ms < endMs) ?? null
}

function milliseconds([hours = 0, minutes = 0, seconds = 0, rest = 0]: readonly number[]): number {
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest
}

/** Fetched when somebody first looks for a place: most people only watch. */
export async function fetchThumbs(url: string): Promise<Thumb[]> {
  const response = await fetch(url)
  return response.ok ? readThumbs(await response.text(), url) : []
}
