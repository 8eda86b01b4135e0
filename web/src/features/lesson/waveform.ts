// The shape of a lesson's sound as one line to draw: few bars, whatever the workers measured.

interface Waveform {
  peaks: number[]
}

export function readWaveform(value: unknown): number[] {
  const peaks = (value as Partial<Waveform> | null)?.peaks
  return Array.isArray(peaks) ? peaks.map((peak) => Math.min(100, Math.max(0, Number(peak) || 0))) : []
}

/** So many bars, each as high as the loudest that it stands for. */
export function barsOf(peaks: readonly number[], count: number): number[] {
  if (peaks.length <= count) return [...peaks]
  return Array.from({ length: count }, (_, bar) => Math.max(...peaks.slice(Math.floor((bar * peaks.length) / count), Math.floor(((bar + 1) * peaks.length) / count))))
}

const LEAST = 4 // silence is a thin line, not nothing

/** An SVG path in a box of one unit for each bar, 100 high: strokes around its middle. */
export function pathOf(bars: readonly number[]): string {
  return bars.map((peak, bar) => `M${bar + 0.5} ${50 - Math.max(LEAST, peak) / 2}v${Math.max(LEAST, peak)}`).join('')
}

export async function fetchWaveform(url: string): Promise<number[]> {
  const response = await fetch(url)
  return response.ok ? readWaveform(await response.json()) : []
}
