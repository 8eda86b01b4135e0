// A product's own page: what it says, how it sells, and what it shows when there is nothing to sell.
// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createApp, h, type App } from 'vue'
import { createMemoryHistory, type Router } from 'vue-router'
import type { Clip, Merchant, Product, RoomSummary, User } from '@/api/types'
import { i18n, loadMoreWords } from '@/i18n'
import { useSession } from '@/lib/session'
import { makeRouter } from '@/router'
import ProductPage from './ProductPage.vue'

const ORANGES: Product = {
  id: 'p1',
  merchant_id: 'm1',
  merchant_name: '华容果业合作社',
  name: '冰糖橙',
  description: '现摘现发\n<b>不打蜡</b>',
  price_fen: 3990,
  unit: '5斤',
  origin: '华容',
  stock: 7,
  picture_url: null,
  report_url: '/files/public/reports/r.pdf',
  withdrawn: false,
}
const SELLER: Merchant = { id: 'm1', name: '华容果业合作社', summary: '三代人种橙，<i>都甜</i>' }
const ROOM: RoomSummary = { id: 'r1', slug: 'zhang', title: '开园', host_name: '张红', cover_url: null, state: 'live', viewers: 3, scheduled_at: null }
const CLIP: Clip = { id: 'c1', lesson_id: 'l1', product_id: 'p1', pinned_lesson_id: null, title: '橙子怎么挑', video_url: '/v', poster_url: null, duration_ms: 6000, at_ms: 0 }
const BUYER: User = { id: 'u1', name: 'li', display_name: '李明', roles: ['viewer'] }

let answers: Record<string, unknown>
let asked: [method: string, path: string, body: Record<string, unknown> | null][]
let app: App
let router: Router

const problem = (status: number, code: string) =>
  new Response(JSON.stringify({ code }), { status, headers: { 'Content-Type': 'application/problem+json' } })

/** The page as somebody opens it by its link, once `shown` is on it. */
async function open(user: User | null, shown: string): Promise<HTMLElement> {
  const pinia = createPinia()
  setActivePinia(pinia)
  useSession().$patch({ user, known: true })
  router = makeRouter(createMemoryHistory())
  await router.push('/products/p1')
  const place = document.body.appendChild(document.createElement('div'))
  app = createApp({ render: () => h(ProductPage, { id: 'p1' }) }).use(i18n).use(pinia).use(router)
  app.mount(place)
  await vi.waitFor(() => expect(place.textContent).toContain(shown))
  return place
}

const find = (testid: string) => document.querySelector<HTMLElement>(`[data-testid=${testid}]`)

beforeEach(async () => {
  await loadMoreWords()
  asked = []
  answers = {
    '/api/products/p1': ORANGES,
    '/api/products?merchant_id=m1': { items: [ORANGES, { ...ORANGES, id: 'p2', name: '君山银针' }] },
    '/api/merchants/m1': SELLER,
    '/api/rooms?merchant_id=m1': { items: [ROOM] },
    '/api/products/p1/clips': { items: [CLIP] },
    '/api/addresses': { items: [] },
    '/api/coupons': { items: [] },
    '/api/orders': { id: 'o1' },
  }
  vi.stubGlobal('fetch', async (path: string, { method = 'GET', body }: RequestInit) => {
    asked.push([method, path, body ? (JSON.parse(String(body)) as Record<string, unknown>) : null])
    if (!(path in answers)) return problem(404, 'not_found')
    const answer = answers[path]
    if (answer instanceof Error) throw answer
    return new Response(JSON.stringify(answer), { headers: { 'Content-Type': 'application/json' } })
  })
})
afterEach(() => {
  app.unmount()
  document.body.innerHTML = ''
  vi.unstubAllGlobals()
})

describe('what it says', () => {
  test('everything a buyer asks about, and words of others only as text', async () => {
    const page = await open(null, '三代人种橙')

    expect(find('product-price')?.textContent).toContain('39.9')
    expect(find('product-stock')?.textContent).toBe('还有 7 5斤')
    expect(find('report')?.getAttribute('href')).toBe(ORANGES.report_url)
    expect(page.textContent).toContain('<b>不打蜡</b>')
    expect(page.textContent).toContain('<i>都甜</i>')
    await vi.waitFor(() => expect(page.textContent).toContain('橙子怎么挑'))
    expect(document.title).toContain('冰糖橙')
  })

  test('the seller is live now, and his other goods are one tap away', async () => {
    await open(null, '正在直播，进去聊聊')

    expect(find('talk')?.getAttribute('href')).toBe('/r/zhang')
    await vi.waitFor(() => expect(document.querySelectorAll('[data-testid=product-tile]')).toHaveLength(1))
    expect(find('product-tile')?.getAttribute('href')).toBe('/products/p2')
  })

  test('what could not be read about the seller is left out, the product stays', async () => {
    answers['/api/merchants/m1'] = answers['/api/rooms?merchant_id=m1'] = new TypeError('failed to fetch')

    await open(null, '冰糖橙')

    await vi.waitFor(() => expect(asked.filter(([, path]) => path.includes('m1'))).toHaveLength(3))
    expect([find('talk'), find('buy-product')?.hasAttribute('disabled')]).toEqual([null, false])
  })
})

describe('buying', () => {
  test('one order through the sheet of every card, then its page', async () => {
    await open(BUYER, '冰糖橙')

    const went = vi.spyOn(router, 'push')
    find('buy-product')?.click()
    await vi.waitFor(() => expect(find('buy-submit')).not.toBeNull())
    find('buy-submit')?.click()

    await vi.waitFor(() => expect(went).toHaveBeenCalledWith({ name: 'order', params: { id: 'o1' } }))
    const placed = asked.filter(([method, path]) => method === 'POST' && path === '/api/orders')
    expect(placed.map(([, , body]) => body?.['lines'])).toEqual([[{ product_id: 'p1', quantity: 1 }]])
  })

  test('what is sold out has no button to press, and says where to ask', async () => {
    answers['/api/products/p1'] = { ...ORANGES, stock: 0 }

    const page = await open(BUYER, '卖完了')

    expect(find('buy-product')?.hasAttribute('disabled')).toBe(true)
    expect(page.textContent).toContain('去直播间问问什么时候再有')
  })
})

test('what its seller withdrew is still seen, and not to be had', async () => {
  answers['/api/products/p1'] = { ...ORANGES, stock: 0, withdrawn: true }

  const page = await open(BUYER, '不卖了')

  expect(find('buy-product')?.hasAttribute('disabled')).toBe(true)
  expect(page.textContent).toContain('商家现在不卖这件了')
  expect(page.textContent).not.toContain('卖完了')
})

describe('nothing to show', () => {
  test('a product that there is not leads to others', async () => {
    delete answers['/api/products/p1']

    await open(null, '这件商品找不到了')

    expect(find('no-product')?.querySelector('a')?.getAttribute('href')).toBe('/halls')
  })

  test('without a network it says so, and is there when the network is', async () => {
    answers['/api/products/p1'] = new TypeError('failed to fetch')
    const page = await open(null, '没有网络')

    answers['/api/products/p1'] = ORANGES
    window.dispatchEvent(new Event('online'))

    await vi.waitFor(() => expect(page.textContent).toContain('冰糖橙'))
  })
})
