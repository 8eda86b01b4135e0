// Hands a page of ours to a friend, and says what became of it.
import { useI18n } from 'vue-i18n'
import { useRouter, type RouteLocationRaw } from 'vue-router'
import { toast } from '@/lib/toasts'
import { share } from './share'

export function useShare(): (to: RouteLocationRaw, title: string, text: string) => Promise<void> {
  const router = useRouter()
  const { t } = useI18n()
  return async (to, title, text) => {
    const shared = await share(title, text, new URL(router.resolve(to).href, location.origin).href)
    if (shared === 'copied') toast(t('clips.copied'))
    if (shared === 'failed') toast(t('clips.notCopied'), 'problem')
  }
}
