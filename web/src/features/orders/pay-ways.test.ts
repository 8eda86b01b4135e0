// Choosing how to pay: shown where there is a choice, remembered, and what is scanned stays on the page.
// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createApp, h, nextTick, type App, type Component } from 'vue'
import type { Order } from '@/api/types'
import { i18n } from '@/i18n'

const ORDER = { id: 'o1' } as Order
let app: App | null = null
let calls: [string, string, unknown][] = []

function answerWith(answers: Record<string, unknown>): void {
  vi.stubGlobal('fetch', async (url: string, options: RequestInit) => {
    const path = new URL(url, 'http://here').pathname
    calls.push([options.method ?? 'GET', path, options.body ? JSON.parse(String(options.body)) : null])
    return new Response(JSON.stringify(answers[path]), { headers: { 'Content-Type': 'application/json' } })
  })
}

/** Fresh modules: what was asked once is known for the whole page. */
async function freshModules() {
  vi.resetModules()
  const [{ default: PayWays }, ways, scan] = await Promise.all([
    import('./PayWays.vue'),
    import('./use-pay-ways'),
    import('./scan'),
  ])
  return { PayWays, ...ways, ...scan }
}

async function show(component: Component, chosenWay: () => unknown, onChange = () => {}): Promise<HTMLElement> {
  const place = document.createElement('div')
  document.body.append(place)
  app = createApp({ render: () => h(component, { onChange }) })
  app.use(i18n).mount(place)
  await vi.waitFor(() => expect(chosenWay()).not.toBeNull())
  await nextTick()
  return place
}

const ways = (...names: string[]) => ({ '/api/payments': { items: names.map((provider) => ({ provider })) } })

beforeEach(() => {
  calls = []
  localStorage.clear()
})
afterEach(() => {
  app?.unmount()
  app = null
  document.body.innerHTML = ''
  vi.unstubAllGlobals()
})

test('one way needs no choice', async () => {
  answerWith(ways('sandbox'))
  const { PayWays, chosenWay } = await freshModules()
  const place = await show(PayWays, chosenWay)
  expect(place.querySelector('fieldset')).toBeNull()
  expect(chosenWay()).toBe('sandbox')
})

test('the usual way is taken until another is chosen, which is remembered', async () => {
  answerWith(ways('wechat', 'alipay'))
  const { PayWays, chosenWay } = await freshModules()
  let changes = 0
  const place = await show(PayWays, chosenWay, () => changes++)
  const radios = [...place.querySelectorAll('input')]
  expect(radios.map(({ value, checked }) => [value, checked])).toEqual([['wechat', true], ['alipay', false]])
  expect(place.textContent).toContain('微信支付')

  radios[1]?.click()
  await nextTick()
  expect([chosenWay(), changes]).toEqual(['alipay', 1])

  calls = []
  const again = await freshModules()
  await show(again.PayWays, again.chosenWay)
  expect(again.chosenWay()).toBe('alipay')
})

test('a way that is not there any more is not remembered', async () => {
  localStorage.setItem('dongting.pay-way', 'sandbox')
  answerWith(ways('wechat', 'alipay'))
  const { PayWays, chosenWay } = await freshModules()
  await show(PayWays, chosenWay)
  expect(chosenWay()).toBe('wechat')
})

test('what is to be scanned stays here, everything else leads away', async () => {
  const assign = vi.spyOn(window.location, 'assign').mockImplementation(() => {})
  const { goToPay } = await freshModules()
  const picture = 'data:image/svg+xml,x'
  answerWith({ '/api/orders/o1/pay': { provider: 'wechat', payment_url: 'weixin://wxpay/1', qr_url: picture } })
  expect(await goToPay(ORDER, null)).toEqual({ orderId: 'o1', way: 'wechat', qrUrl: picture })
  expect(assign).not.toHaveBeenCalled()

  answerWith({ '/api/orders/o1/pay': { provider: 'alipay', payment_url: 'https://pay.example/1', qr_url: null } })
  expect(await goToPay(ORDER, 'alipay')).toBeNull()
  expect(assign).toHaveBeenCalledWith('https://pay.example/1')
  expect(calls.map(([, , body]) => body)).toEqual([null, { provider: 'alipay' }])
})
