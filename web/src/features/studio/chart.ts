// Rows of numbers as the shapes of an SVG. Pure.

export interface Bar {
  readonly x: number
  readonly width: number
  readonly height: number
}

/** Bars in a box of 100 × 100: `of` of them would fill it; the highest reaches the top. */
export function barsOf(values: readonly number[], of: number): Bar[] {
  const most = Math.max(1, ...values)
  const width = 100 / Math.max(of, values.length, 1)
  return values.map((value, index) => ({ x: index * width, width: width * 0.8, height: (100 * value) / most }))
}

/** A line in the same box, from its first to its last number, as points of a polyline; one number is a level line. */
export function lineOf(values: readonly number[]): string {
  const all = values.length === 1 ? [...values, ...values] : values
  const most = Math.max(1, ...all)
  return all.map((value, index) => `${round((100 * index) / (all.length - 1))},${round(100 - (100 * value) / most)}`).join(' ')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
