import { describe, expect, it } from 'vitest'
import type { HallSummary, Panorama } from '@/api/types'
import { choices, draftOf, emptyPlan, isSame, moved, readUnsaved, shown, unsavedText, withBooth } from './plan'

const PANORAMA: Panorama = { id: 'lake', built_in: true, title: '湖边', base_url: '/b', cover_url: '/c', tiles_url: '/t/', levels: [2048] }
const CO_OP = { id: 'm1', name: '华容合作社', summary: '' }

function hall(county: string, season: HallSummary['season']): HallSummary {
  return { id: county + season, title: '', summary: '', county, season, open: true, version: 1, panorama: PANORAMA }
}

describe('a plan', () => {
  it('sends where booths stand and nothing that the server knows better', () => {
    const plan = { ...emptyPlan(PANORAMA), title: ' 秋收 ', county: '岳阳', booths: withBooth([], CO_OP, { yaw: 10, pitch: -5 }) }
    const { booths, ...rest } = draftOf(plan)
    expect(rest).toEqual({ title: '秋收', summary: '', county: '岳阳', season: 'all_year', panorama_id: 'lake', open: false })
    expect(booths).toEqual([{ id: expect.stringMatching(/^[0-9a-f]{32}$/), merchant_id: 'm1', yaw: 10, pitch: -5 }])
  })

  it('has changed when a booth has moved, and not when it was moved back', () => {
    const plan = { ...emptyPlan(PANORAMA), booths: withBooth([], CO_OP, { yaw: 10, pitch: -5 }) }
    const [booth] = plan.booths
    const away = { ...plan, booths: moved(plan.booths, booth?.id ?? '', { yaw: 90, pitch: 0 }) }
    const back = { ...plan, booths: moved(away.booths, booth?.id ?? '', { yaw: 10, pitch: -5 }) }
    expect([isSame(plan, away), isSame(plan, back)]).toEqual([false, true])
  })
})

describe('what was not saved', () => {
  const plan = { ...emptyPlan(PANORAMA), title: '秋收', booths: withBooth([], CO_OP, { yaw: 10, pitch: -5 }) }

  it('is read back as it was', () => {
    expect(readUnsaved(unsavedText(plan, 3), 3)).toEqual(plan)
    expect(readUnsaved(unsavedText(plan, null), null)).toEqual(plan)
  })

  it('is not read when somebody has saved since, or when it is nothing that this page wrote', () => {
    for (const text of [null, '', '{', 'null', '7', '{}', '{"version":4}', '{"version":4,"plan":{}}', unsavedText(plan, 3)]) expect(readUnsaved(text, 4)).toBeNull()
  })
})

describe('choosing halls', () => {
  const halls = [hall('岳阳', 'autumn'), hall('岳阳', 'winter'), hall('湘阴', 'winter')]

  it('offers only what makes a difference', () => {
    expect(choices(halls)).toEqual({ counties: ['岳阳', '湘阴'], seasons: ['autumn', 'winter'] })
    expect(choices(halls.slice(0, 2))).toEqual({ counties: [], seasons: ['autumn', 'winter'] })
  })

  it('shows those of a county, of a season, of both, or all', () => {
    const count = (season: HallSummary['season'] | '', county: string) => shown(halls, { season, county }).length
    expect([count('', ''), count('winter', ''), count('', '岳阳'), count('winter', '岳阳'), count('spring', '')]).toEqual([3, 2, 2, 1, 0])
  })
})
