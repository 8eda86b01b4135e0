// The quality menu: what it offers and says, and that keyboards and screen readers can use it.
// @vitest-environment happy-dom
import { createPinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createApp, h, nextTick, ref, type App } from 'vue'
import { i18n } from '@/i18n'
import type { PictureLayer } from '@/media/picture-choice'
import ChoiceSheet from '@/ui/ChoiceSheet.vue'
import { megabytesPerMinute, qualityChoices, qualityLabel, type Wish } from './quality-words'

const t = i18n.global.t as unknown as (key: string) => string
const LAYERS: PictureLayer[] = [
  { rid: 'h', bitrate: 1_800_000, width: 1280, height: 720, selected: false },
  { rid: 'm', bitrate: 600_000, width: 640, height: 360, selected: true },
  { rid: 'l', bitrate: 150_000, width: 320, height: 180, selected: false },
]

describe('the words', () => {
  test('say what each choice is and costs', () => {
    expect(qualityChoices(t, LAYERS).map(({ label, note }) => `${label}：${note}`)).toEqual([
      '自动 · 现在流畅：推荐，延迟最低，跟着网络快慢走 · 约 4.8 MB/分钟',
      '高清：最清楚，要网络好 · 约 14 MB/分钟',
      '流畅：小一些，不容易卡 · 约 4.8 MB/分钟',
      '省流：声音照常，画面几秒换一张 · 约 0.4 MB/分钟',
      '只听声音：不看画面，最省流量 · 约 0.3 MB/分钟',
      '稳定：晚 2 秒左右，网络不好也不断，还能往回看',
    ])
  })

  test('leave out what the stream does not have', () => {
    expect(qualityChoices(t, []).map(({ label }) => label)).toEqual(['自动', '省流', '只听声音', '稳定'])
    expect(qualityLabel(t, 'high', [])).toBe('自动')
  })

  test.each([
    [40_000, '0.3'],
    [1_320_000, '9.9'],
    [1_330_000, '10'],
  ])('%i bit/s is %s MB a minute', (bitrate, size) => {
    expect(megabytesPerMinute(bitrate)).toBe(size)
  })
})

describe('the sheet', () => {
  const chosen = ref<Wish>('auto')
  const open = ref(false)
  let app: App

  beforeEach(async () => {
    chosen.value = 'auto'
    open.value = true
    const choices = qualityChoices(t, LAYERS)
    const sheet = () =>
      h(ChoiceSheet as never, {
        open: open.value,
        'onUpdate:open': (next: boolean) => (open.value = next),
        modelValue: chosen.value,
        'onUpdate:modelValue': (next: Wish) => (chosen.value = next),
        title: '选画质',
        choices,
      } as never)
    app = createApp({ render: sheet }).use(i18n).use(createPinia())
    app.mount(document.body.appendChild(document.createElement('div')))
    await nextTick()
  })
  afterEach(() => {
    app.unmount()
    document.body.innerHTML = ''
  })

  const radios = () => [...document.querySelectorAll<HTMLElement>('[role=radio]')]
  const press = (key: string) => document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))

  test('is a group of radio buttons with a name, one of them taken and in the tab order', () => {
    expect(document.querySelector('[role=radiogroup]')?.getAttribute('aria-label')).toBe('选画质')
    expect(radios().map((radio) => radio.getAttribute('aria-checked'))).toEqual(['true', 'false', 'false', 'false', 'false', 'false'])
    expect(radios().map((radio) => radio.tabIndex)).toEqual([0, -1, -1, -1, -1, -1])
  })

  test('arrows go round without taking anything, a click takes and closes', () => {
    radios()[0]?.focus()

    press('ArrowUp')
    expect(document.activeElement).toBe(radios()[5])
    press('ArrowDown')
    press('ArrowDown')
    expect(document.activeElement).toBe(radios()[1])
    expect(chosen.value).toBe('auto')
    radios()[1]?.click()

    expect([chosen.value, open.value]).toEqual(['high', false])
  })
})
