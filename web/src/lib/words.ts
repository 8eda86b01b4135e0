// Formats of lib/format.ts in the chosen language.
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { LANGUAGE_TAG } from '@/i18n'
import { count, day, moment } from './format'
import { usePreferences } from './preferences'
import { serverNow } from './server-clock'

export function useWords() {
  const { t } = useI18n()
  const preferences = usePreferences()
  const tag = computed(() => LANGUAGE_TAG[preferences.locale])
  return {
    t,
    count: (value: number) => count(value, tag.value),
    day: (iso: string) => day(iso, tag.value, serverNow()),
    moment: (iso: string) => moment(iso, tag.value, serverNow()),
    percent: (share: number) => Math.round(Math.min(1, Math.max(0, share)) * 100),
  }
}
