// The cards of the moment to which one has gone back say that they are of then.
// @vitest-environment happy-dom
import { createPinia } from 'pinia'
import { afterEach, expect, test } from 'vitest'
import { createApp, h, type App, type VNode } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'
import type { LessonSummary, Sale } from '@/api/types'
import { i18n } from '@/i18n'
import LessonCard from './LessonCard.vue'
import SaleCard from './SaleCard.vue'

const PRODUCT = { id: 'p1', merchant_id: 'm1', merchant_name: '', name: '橙子', description: '', price_fen: 2980, unit: '箱', stock: 9, picture_url: null, report_url: null, withdrawn: false, origin: '' }
const OVER: Sale = { id: 's1', room_id: 'r1', product: PRODUCT, price_fen: 1990, quantity: 3, per_buyer: 1, hold_seconds: 300, state: 'closed', available: 0, held: 0, sold: 3, returned: 0, planned: false, opens_at: '2026-11-22T10:00:00Z', closes_at: '2026-11-22T10:02:00Z' }
const LESSON = { id: 'l1', title: '修剪', host_name: '小美', duration_ms: 60_000, poster_url: null } as LessonSummary
let app: App | undefined
afterEach(() => app?.unmount())

function textOf(card: VNode): string {
  const element = document.createElement('div')
  app = createApp(() => card)
  const lesson = { path: '/lessons/:id', name: 'lesson', component: {} }
  app.use(createPinia()).use(i18n).use(createRouter({ history: createWebHistory(), routes: [{ path: '/', component: {} }, lesson] }))
  app.mount(element)
  return element.textContent ?? ''
}

test('a lesson was recommended then, whether or not the host talked about it', () => {
  expect(textOf(h(LessonCard, { lesson: LESSON, explaining: true, past: true }))).toContain('当时推荐的课')
})

test('the lesson of now is talked about now', () => {
  expect(textOf(h(LessonCard, { lesson: LESSON, explaining: true, past: false }))).toContain('正在讲这一课')
})

test('a sale of then is over', () => {
  expect(textOf(h(SaleCard, { sale: OVER, mine: [], pressing: false, limitReached: false }))).toContain('秒杀结束了')
})
