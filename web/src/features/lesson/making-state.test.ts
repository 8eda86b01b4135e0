// What is read in the place of a lesson that could not be made: by its teacher, and by everybody else.
// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, expect, test } from 'vitest'
import { createApp, h, type App } from 'vue'
import type { Lesson } from '@/api/types'
import { i18n, loadMoreWords } from '@/i18n'
import { useSession } from '@/lib/session'
import MakingState from './MakingState.vue'

const FAILED = { id: 'l1', host_id: 'u1', state: 'failed', error: 'truncated', progress: 0 } as Lesson
let app: App | undefined
afterEach(() => app?.unmount())

async function textFor(userId: string): Promise<string> {
  await loadMoreWords()
  const pinia = createPinia()
  setActivePinia(pinia)
  useSession().$patch({ user: { id: userId, name: 'zhang', display_name: '张红', roles: ['host'] }, known: true })
  const element = document.createElement('div')
  app = createApp({ render: () => h(MakingState, { lesson: FAILED }) }).use(pinia).use(i18n)
  app.mount(element)
  return element.textContent ?? ''
}

test('its teacher reads why, and is not sent to himself', async () => {
  const text = await textFor('u1')
  expect(text).toContain('文件不完整，可能没传完，请重新上传')
  expect(text).not.toContain('请联系主播')
})

test('a learner reads whom to ask, and not what the teacher has to do', async () => {
  const text = await textFor('u2')
  expect(text).toContain('请联系主播重新上传')
  expect(text).not.toContain('文件不完整')
})
