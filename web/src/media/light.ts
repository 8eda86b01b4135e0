// Whether a camera's picture is too dark or too bright to sell in, from the mean luma of a few small frames.

export type Light = 'dark' | 'good' | 'bright'

const WIDTH = 32
const HEIGHT = 18
const FRAMES = 5
const FRAME_INTERVAL_MS = 200
/** Of 255: a lit kitchen measures 90 to 140, a room at dusk 30 to 50, a face against the sun over 215. */
const DARK_LUMA = 55
const BRIGHT_LUMA = 215

/** Rec. 601 luma, the mean over RGBA bytes. */
export function meanLuma(rgba: Uint8ClampedArray): number {
  let sum = 0
  for (let at = 0; at + 3 < rgba.length; at += 4) {
    sum += 0.299 * (rgba[at] ?? 0) + 0.587 * (rgba[at + 1] ?? 0) + 0.114 * (rgba[at + 2] ?? 0)
  }
  return rgba.length >= 4 ? sum / Math.floor(rgba.length / 4) : 0
}

export function lightOf(luma: number): Light {
  if (luma < DARK_LUMA) return 'dark'
  return luma > BRIGHT_LUMA ? 'bright' : 'good'
}

/** Null while the camera shows nothing yet, or where a canvas may not be read. */
export async function measureLight(video: HTMLVideoElement, signal: AbortSignal): Promise<Light | null> {
  const canvas = document.createElement('canvas')
  canvas.width = WIDTH
  canvas.height = HEIGHT
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) return null
  const lumas: number[] = []
  for (let frame = 0; frame < FRAMES && !signal.aborted; frame += 1) {
    if (video.videoWidth > 0) {
      context.drawImage(video, 0, 0, WIDTH, HEIGHT)
      lumas.push(meanLuma(context.getImageData(0, 0, WIDTH, HEIGHT).data))
    }
    await new Promise((resolve) => setTimeout(resolve, FRAME_INTERVAL_MS))
  }
  if (lumas.length === 0) return null
  return lightOf(lumas.reduce((sum, luma) => sum + luma, 0) / lumas.length)
}
