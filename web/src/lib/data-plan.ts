// How much of a month's mobile data was used here, and what may still be used; pure.

export interface DataPlan {
  /** null: no limit. */
  limitBytes: number | null
  usedBytes: number
}

export interface Connection {
  type?: string
  saveData?: boolean
  effectiveType?: string
}

/** Lines that nobody pays by the byte. Browsers that don't say (iPhones) are taken to be on mobile data. */
const FREE_LINES = new Set(['wifi', 'ethernet'])

export function isFree(connection: Connection | undefined): boolean {
  return FREE_LINES.has(connection?.type ?? '')
}

/** The month as the phone's owner counts it: "2026-11". */
export function monthOf(now: Date): string {
  return `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, '0')}`
}

/** What may still be loaded; null: as much as one likes. */
export function leftOf({ limitBytes, usedBytes }: DataPlan): number | null {
  return limitBytes === null ? null : Math.max(0, limitBytes - usedBytes)
}

/** 0…1 of the limit; null without one. */
export function usedShare({ limitBytes, usedBytes }: DataPlan): number | null {
  if (limitBytes === null) return null
  return limitBytes > 0 ? Math.min(1, usedBytes / limitBytes) : 1
}
