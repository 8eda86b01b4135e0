// Chinese first, English loaded when chosen; every word that a page shows lives in this folder.
import { createI18n } from 'vue-i18n'
import zh from './zh'
import type moreWords from './zh/more'

export type Locale = 'zh' | 'en'
export type Messages = typeof zh & typeof moreWords

/** The tags that browsers and Intl understand. */
export const LANGUAGE_TAG: Record<Locale, string> = { zh: 'zh-CN', en: 'en' }

export const i18n = createI18n({
  legacy: false,
  locale: 'zh',
  fallbackLocale: 'zh',
  messages: { zh } as unknown as Record<Locale, Messages>, // the other words come with the pages that say them
  missingWarn: import.meta.env.DEV,
  fallbackWarn: false,
})

export async function loadLocale(locale: Locale): Promise<void> {
  const { global } = i18n
  if (locale === 'en' && !(global.availableLocales as string[]).includes('en')) {
    global.setLocaleMessage('en', (await import('./en')).default)
  }
  global.locale.value = locale
  document.documentElement.lang = LANGUAGE_TAG[locale]
}

let more: Promise<void> | null = null

/** The words of all pages but the room. Fails as any chunk does that cannot be loaded, and may be tried again. */
export function loadMoreWords(): Promise<void> {
  more ??= import('./zh/more').then(
    ({ default: words }) => i18n.global.mergeLocaleMessage('zh', words),
    (error: unknown) => {
      more = null
      throw error
    },
  )
  return more
}
