// A hall while an operator builds it: what is sent, what has changed, who has a booth already.
import type { Booth, Hall, HallDraft, HallSummary, Merchant, Panorama, Season } from '@/api/types'
import { randomId } from '@/lib/random-id'
import type { Direction } from './sphere'

/** What a hot spot shows. */
export type Spot = Pick<Booth, 'id' | 'merchant_name' | 'live'> & Direction
export type PlannedBooth = Spot & Pick<Booth, 'merchant_id'>
/** A season, or a county, or both; empty: any. */
export interface Wanted {
  season: Season | ''
  county: string
}

export interface Plan extends Omit<HallDraft, 'booths' | 'panorama_id'> {
  panorama: Panorama
  booths: PlannedBooth[]
}

export const SEASONS: readonly Season[] = ['spring', 'summer', 'autumn', 'winter', 'all_year']

export function emptyPlan(panorama: Panorama): Plan {
  return { title: '', summary: '', county: '', season: 'all_year', panorama, booths: [], open: false }
}

export function planOf({ title, summary, county, season, open, panorama, booths }: Hall): Plan {
  const planned = booths.map(({ id, merchant_id, merchant_name, live, yaw, pitch }) => ({ id, merchant_id, merchant_name, live, yaw, pitch }))
  return { title, summary, county, season, open, panorama, booths: planned }
}

export function draftOf({ panorama, booths, ...plan }: Plan): HallDraft {
  return {
    ...plan,
    title: plan.title.trim(),
    county: plan.county.trim(),
    panorama_id: panorama.id,
    booths: booths.map(({ id, merchant_id, yaw, pitch }) => ({ id, merchant_id, yaw, pitch })),
  }
}

export const isSame = (one: Plan, other: Plan): boolean => JSON.stringify(draftOf(one)) === JSON.stringify(draftOf(other))

/** What an operator has not saved yet, as his browser keeps it; `version`: of the hall that he changed, null of a new one. */
export const unsavedText = (plan: Plan, version: number | null): string => JSON.stringify({ plan, version })

/** What was kept, if it is of this version: an older one would undo what others have changed since. */
export function readUnsaved(text: string | null, version: number | null): Plan | null {
  try {
    const found = JSON.parse(text ?? 'null') as { plan: Plan; version: number | null } | null
    return found !== null && found.version === version && Array.isArray(found.plan.booths) ? found.plan : null
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null // of another edition of this page
    throw error
  }
}

export function withBooth(booths: readonly PlannedBooth[], merchant: Merchant, where: Direction): PlannedBooth[] {
  return [...booths, { id: randomId(), merchant_id: merchant.id, merchant_name: merchant.name, live: false, ...where }]
}

export function moved(booths: readonly PlannedBooth[], id: string, where: Direction): PlannedBooth[] {
  return booths.map((booth) => (booth.id === id ? { ...booth, ...where } : booth))
}

/** What can be chosen: counties and seasons that some hall has; none of a kind if all halls are the same. */
export function choices(halls: readonly HallSummary[]): { counties: string[]; seasons: Season[] } {
  const counties = [...new Set(halls.map(({ county }) => county))]
  const seasons = SEASONS.filter((season) => halls.some((hall) => hall.season === season))
  return { counties: counties.length > 1 ? counties : [], seasons: seasons.length > 1 ? seasons : [] }
}

export function shown(halls: readonly HallSummary[], { season, county }: Wanted): HallSummary[] {
  return halls.filter((hall) => (!season || hall.season === season) && (!county || hall.county === county))
}
