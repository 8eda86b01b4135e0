import { expect, it } from 'vitest'
import type { RoomSummary } from '@/api/types'
import { boardOf } from './board'

const NOW = Date.parse('2026-11-22T10:00:00Z')

function room(id: string, change: Partial<RoomSummary> = {}): RoomSummary {
  return { id, slug: id, title: id, host_name: id, cover_url: null, state: 'idle', viewers: 0, scheduled_at: null, ...change }
}

const ids = (rooms: RoomSummary[]) => rooms.map(({ id }) => id)

it('opens with the live room that most people watch', () => {
  const board = boardOf([room('small', { state: 'live', viewers: 3 }), room('big', { state: 'live', viewers: 90 }), room('rest')], NOW)
  expect(board.hero?.id).toBe('big')
  expect(ids(board.live)).toEqual(['small'])
  expect(ids(board.resting)).toEqual(['rest'])
})

it('prefers a moving picture to an interrupted one', () => {
  const board = boardOf([room('away', { state: 'interrupted', viewers: 900 }), room('on', { state: 'live', viewers: 1 })], NOW)
  expect(board.hero?.id).toBe('on')
})

it('shows the next broadcast when nobody is live, soonest first', () => {
  const board = boardOf(
    [room('later', { scheduled_at: '2026-11-23T10:00:00Z' }), room('soon', { scheduled_at: '2026-11-22T11:00:00Z' })],
    NOW,
  )
  expect(board.hero?.id).toBe('soon')
  expect(ids(board.coming)).toEqual(['later'])
})

it('forgets an announcement that nobody kept', () => {
  const board = boardOf([room('late', { scheduled_at: '2026-11-22T09:00:00Z' }), room('stale', { scheduled_at: '2026-11-21T09:00:00Z' })], NOW)
  expect(board.hero?.id).toBe('late')
  expect(ids(board.resting)).toEqual(['stale'])
})
