// The day that stands on a certificate: China's, wherever it is looked at.
import type { Iso } from '@/api/types'

/** 2026-11-28; the Swedish way of writing days is the one of ISO 8601. */
export const issuedOn = (at: Iso): string => new Date(at).toLocaleDateString('sv-SE', { timeZone: 'Asia/Shanghai' })
