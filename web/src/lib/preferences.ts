// What a person chose for this browser: language and large type (pinia), remembered.
import { defineStore } from 'pinia'
import { ref, watch } from 'vue'
import { loadLocale, type Locale } from '@/i18n'
import { recall, remember } from './storage'

function firstLocale(): Locale {
  const chosen = recall('locale')
  return chosen === 'en' || chosen === 'zh' ? chosen : 'zh' // Chinese first, whatever the phone's system speaks
}

export const usePreferences = defineStore('preferences', () => {
  const locale = ref<Locale>(firstLocale())
  const largeType = ref(recall('type') === 'large')

  watch(
    largeType,
    (large) => {
      document.documentElement.dataset['type'] = large ? 'large' : 'normal'
      remember('type', large ? 'large' : 'normal')
    },
    { immediate: true, flush: 'sync' },
  )

  async function speak(next: Locale): Promise<void> {
    await loadLocale(next)
    locale.value = next
    remember('locale', next)
  }

  return { locale, largeType, speak }
})
