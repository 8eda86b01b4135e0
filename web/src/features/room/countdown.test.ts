// The countdown of a sale on a phone whose clock is hours off.
// @vitest-environment happy-dom
import { createPinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createApp, h, nextTick, ref, type App } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'
import type { Sale } from '@/api/types'
import { i18n } from '@/i18n'
import { noteServerNow } from '@/lib/server-clock'
import SaleCard from './SaleCard.vue'

const SERVER_NOW = Date.parse('2026-11-22T10:00:00Z')
const at = (seconds: number) => new Date(SERVER_NOW + seconds * 1_000).toISOString()
const PRODUCT = { id: 'p1', merchant_id: 'm1', merchant_name: '', name: '橙子', description: '', price_fen: 2980, unit: '箱', stock: 9, picture_url: null, report_url: null, withdrawn: false, origin: '' }
const SALE: Sale = { id: 's1', room_id: 'r1', product: PRODUCT, price_fen: 1990, quantity: 3, per_buyer: 1, hold_seconds: 300, state: 'open', available: 3, held: 0, sold: 0, returned: 0, planned: false, opens_at: at(-60), closes_at: at(120) }
let app: App | undefined

beforeEach(() => vi.useFakeTimers())
afterEach(() => {
  app?.unmount()
  vi.useRealTimers()
})

test('before a sale begins everybody counts down to the same moment, and only then may press', async () => {
  vi.setSystemTime(SERVER_NOW - 3_600_000)
  noteServerNow(at(0), Date.now(), Date.now())
  const element = document.createElement('div')
  app = createApp(() => h(SaleCard, { sale: { ...SALE, planned: true, opens_at: at(30) }, mine: [], pressing: false, limitReached: false }))
  app.use(createPinia()).use(i18n).use(createRouter({ history: createWebHistory(), routes: [{ path: '/', component: {} }] }))
  app.mount(element)
  const button = () => element.querySelector('[data-testid="sale-button"]')

  const spoken = () => element.querySelector('[role=status]')?.textContent
  expect([button()?.textContent?.trim(), button()?.hasAttribute('disabled'), spoken()]).toEqual(['0:30 后开抢', true, ''])
  await vi.advanceTimersByTimeAsync(30_000)
  expect([button()?.textContent?.trim(), button()?.hasAttribute('disabled')]).toEqual(['抢购', false])
  expect(spoken()).toBe('开抢了，现在可以按抢购')
})

test('where one stands in line is read out, and that it is his turn', () => {
  noteServerNow(at(0), Date.now(), Date.now())
  const element = document.createElement('div')
  const ahead = ref<number | null>(120)
  app = createApp(() => h(SaleCard, { sale: SALE, mine: [], pressing: true, ahead: ahead.value, limitReached: false }))
  app.use(createPinia()).use(i18n).use(createRouter({ history: createWebHistory(), routes: [{ path: '/', component: {} }] }))
  app.mount(element)
  const spoken = () => element.querySelector('[role=status]')?.textContent

  expect(spoken()).toBe('在排队，前面约 120 人')
  ahead.value = 0
  return nextTick(() => expect(spoken()).toBe('轮到您了，马上好…'))
})

test.each([
  ['five hours fast', 5],
  ['seven hours slow', -7],
])('it is right, and the button is open, on a phone that is %s', async (_, hours) => {
  vi.setSystemTime(SERVER_NOW + hours * 3_600_000)
  noteServerNow(at(0), Date.now(), Date.now())
  const element = document.createElement('div')
  app = createApp(() => h(SaleCard, { sale: SALE, mine: [], pressing: false, limitReached: false }))
  app.use(createPinia()).use(i18n).use(createRouter({ history: createWebHistory(), routes: [{ path: '/', component: {} }] }))
  app.mount(element)
  const countdown = () => element.querySelector('[data-testid="sale-countdown"]')?.getAttribute('aria-label')
  const offer = () => element.querySelector('[data-testid="sale-card"]')?.getAttribute('data-offer')

  expect([countdown(), offer()]).toEqual(['2:00 后结束', 'buy'])
  await vi.advanceTimersByTimeAsync(119_000)
  expect([countdown(), offer()]).toEqual(['0:01 后结束', 'buy'])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(offer()).toBe('closed')
})
