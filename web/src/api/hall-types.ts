// Shapes of server/PROTOCOL.md of the showroom: halls, booths, merchants.
import type { Clip } from './lesson-types'
import type { Product } from './trade-types'

export type Season = 'spring' | 'summer' | 'autumn' | 'winter' | 'all_year'

/** An equirectangular picture; level n is `levels[n]` pixels wide, its tile is `{tiles_url}{n}/{column}-{row}.webp`. */
export interface Panorama {
  id: string
  title: string
  /** It came with the platform, and stays. */
  built_in: boolean
  base_url: string
  cover_url: string
  tiles_url: string
  levels: number[]
}

export interface Merchant {
  id: string
  name: string
  summary: string
}

export interface Booth {
  id: string
  merchant_id: string
  merchant_name: string
  /** The merchant's own words, plain text. */
  summary: string
  /** Degrees. */
  yaw: number
  pitch: number
  room_slug: string | null
  live: boolean
  products: Product[]
  clips: Clip[]
}

export interface HallSummary {
  id: string
  title: string
  summary: string
  county: string
  season: Season
  open: boolean
  /** Grows with each change. */
  version: number
  panorama: Panorama
}

export interface Hall extends HallSummary {
  booths: Booth[]
}

export interface HallDraft {
  title: string
  summary: string
  county: string
  season: Season
  panorama_id: string
  booths: Pick<Booth, 'id' | 'merchant_id' | 'yaw' | 'pitch'>[]
  open: boolean
}
