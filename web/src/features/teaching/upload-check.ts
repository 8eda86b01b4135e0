// What is looked at before a video is sent: a refusal should cost no data.

export const LONGEST_SECONDS = 6 * 3600 // the workers refuse what is longer
export type VideoProblem = 'not_a_video' | 'body_too_large' | 'too_long'

const LOOKING_MS = 5_000
const TITLE_LENGTH = 60

const OF_THE_FILE = new Set(['not_a_video', 'body_too_large', 'too_long'])

/** Whether another file is needed: to send this one again would not help. */
export const isOfTheFile = (code: string): boolean => OF_THE_FILE.has(code)

/** Null is not known here; the server will look. */
export function problemOf(file: Pick<File, 'type' | 'size'>, seconds: number | null, mostBytes: number | null): VideoProblem | null {
  if (file.size === 0 || (file.type !== '' && !file.type.startsWith('video/'))) return 'not_a_video'
  if (mostBytes !== null && file.size > mostBytes) return 'body_too_large'
  return seconds !== null && seconds > LONGEST_SECONDS ? 'too_long' : null
}

/** A file's name as the beginning of a title. */
export const titleOf = (name: string): string =>
  name
    .replace(/\.[a-z0-9]{1,5}$/i, '')
    .replace(/[_\s]+/g, ' ')
    .trim()
    .slice(0, TITLE_LENGTH)

/** How long a video is, as far as this browser can read it. */
export function secondsOf(file: Blob): Promise<number | null> {
  const video = document.createElement('video')
  const url = URL.createObjectURL(file)
  return new Promise<number | null>((resolve) => {
    const timer = setTimeout(() => resolve(null), LOOKING_MS)
    const tell = (seconds: number | null) => {
      clearTimeout(timer)
      resolve(seconds)
    }
    video.preload = 'metadata'
    video.onloadedmetadata = () => tell(Number.isFinite(video.duration) ? video.duration : null)
    video.onerror = () => tell(null)
    video.src = url
  }).finally(() => {
    video.removeAttribute('src')
    URL.revokeObjectURL(url)
  })
}
