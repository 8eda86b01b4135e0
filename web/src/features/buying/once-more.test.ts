// Trying once more with what is true now.
import { expect, test } from 'vitest'
import { onceMore } from './once-more'

function make(refusals: string[]) {
  const seen: string[] = []
  const send = async () => {
    const refusal = refusals.shift()
    seen.push(refusal ?? 'done')
    if (refusal) throw new Error(refusal)
    return 'order'
  }
  const refresh = async () => void seen.push('refreshed')
  return { seen, run: () => onceMore(send, (error) => (error as Error).message === 'stale', refresh) }
}

test('a refusal because of old knowledge is answered by reading it again and trying once more', async () => {
  const { seen, run } = make(['stale'])
  expect(await run()).toBe('order')
  expect(seen).toEqual(['stale', 'refreshed', 'done'])
})

test('it is tried once more only', async () => {
  const { seen, run } = make(['stale', 'stale'])
  await expect(run()).rejects.toThrow('stale')
  expect(seen).toEqual(['stale', 'refreshed', 'stale'])
})

test('any other refusal is final', async () => {
  const { seen, run } = make(['sold_out'])
  await expect(run()).rejects.toThrow('sold_out')
  expect(seen).toEqual(['sold_out'])
})
