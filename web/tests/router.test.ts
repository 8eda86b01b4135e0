// Who may open which address, and where they come back to.
// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it } from 'vitest'
import { createMemoryHistory } from 'vue-router'
import type { User } from '@/api/types'
import { useSession } from '@/lib/session'
import { makeRouter, mayEnter, safeReturn } from '@/router'

beforeEach(() => setActivePinia(createPinia()))

/** Where the guard lets somebody go, without loading any page. */
async function visit(user: User | null, path: string) {
  useSession().$patch({ user, known: true })
  const router = makeRouter(createMemoryHistory())
  const asked = router.resolve(path)
  const answer = await mayEnter(asked)
  return answer === true ? asked : router.resolve(answer)
}

const viewer: User = { id: 'u1', name: 'li', display_name: 'Li', roles: ['viewer'] }

it('asks a stranger to sign in and remembers where to return', async () => {
  const route = await visit(null, '/orders/o1?paid=1')
  expect([route.name, route.query['next']]).toEqual(['sign-in', '/orders/o1?paid=1'])
})

it('lets a signed-in viewer see orders but not the studio', async () => {
  expect((await visit(viewer, '/orders')).name).toBe('orders')
  expect((await visit(viewer, '/studio')).name).toBe('me')
})

it('lets a host into the studio', async () => {
  expect((await visit({ ...viewer, roles: ['viewer', 'host'] }, '/studio')).name).toBe('studio')
})

it('shows the media nodes to operators only', async () => {
  expect((await visit({ ...viewer, roles: ['viewer', 'host'] }, '/operator/nodes')).name).toBe('me')
  expect((await visit({ ...viewer, roles: ['viewer', 'operator'] }, '/operator/nodes')).name).toBe('nodes')
})

it('shows the page for unknown addresses', async () => {
  expect((await visit(null, '/no/such/page')).name).toBe('not-found')
})

it('returns only to addresses of this page', () => {
  expect(safeReturn('/orders')).toBe('/orders')
  for (const elsewhere of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', undefined, ['/a']]) {
    expect(safeReturn(elsewhere)).toBe('/')
  }
})
