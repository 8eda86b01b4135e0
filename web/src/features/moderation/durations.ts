// How long a mute lasts; null: for good.
export const MUTES = [
  { key: 'short', minutes: 10 },
  { key: 'day', minutes: 24 * 60 },
  { key: 'always', minutes: null },
] as const

export const SLOW_MODES = [0, 5, 15, 30, 60] as const

/** Words typed one per line, or parted by commas; doubles and empty ones are left out. */
export function wordsOf(text: string): string[] {
  return [...new Set(text.split(/[\n,，、]+/u).map((word) => word.trim().replace(/\s+/gu, ' ')).filter(Boolean))]
}
