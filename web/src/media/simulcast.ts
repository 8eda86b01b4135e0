// Which encodings of one camera a host sends: up to three sizes, so that each viewer gets what his line carries.

/** Of the layers, best first. */
export const RIDS: readonly string[] = ['h', 'm', 'l']

/** Of 720p; smaller pictures get less, a little more per pixel. */
const FULL_PIXELS = 1280 * 720
const FULL_BITRATE = 2_200_000
const BITRATE_EXPONENT = 0.9
const MOST_BITRATE = 2_500_000

/** Below these a browser sends fewer encodings than it is asked for; to ask for what it does keeps rids and sizes together. */
const THREE_LAYERS_PIXELS = 960 * 540
const TWO_LAYERS_PIXELS = 480 * 270

/** The smallest one is for the slowest lines: fewer, but cleaner pictures. */
const SMALLEST_FRAMERATE = 15

/** Best first: a server without simulcast takes the first one, and the browser drops the others by itself. */
export function encodingsFor(width: number, height: number): RTCRtpEncodingParameters[] {
  const pixels = width * height
  const best = { maxBitrate: bitrateOf(pixels) }
  if (pixels < TWO_LAYERS_PIXELS) return [best]
  const half = { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: bitrateOf(pixels / 4) }
  if (pixels < THREE_LAYERS_PIXELS) return [{ rid: 'h', ...best }, half]
  const quarter = { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: bitrateOf(pixels / 16), maxFramerate: SMALLEST_FRAMERATE }
  return [{ rid: 'h', ...best }, half, quarter]
}

function bitrateOf(pixels: number): number {
  const bitrate = FULL_BITRATE * (pixels / FULL_PIXELS) ** BITRATE_EXPONENT
  return Math.min(MOST_BITRATE, Math.round(bitrate / 10_000) * 10_000)
}
