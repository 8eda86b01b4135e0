// Hands a clip to a friend, by the page that plays it.
import { useRouter } from 'vue-router'
import type { Clip } from '@/api/types'
import { share } from '@/features/room/share'
import { toast } from '@/lib/toasts'
import { useWords } from '@/lib/words'

export function useShareClip(): (clip: Clip) => Promise<void> {
  const router = useRouter()
  const { t } = useWords()
  return async (clip) => {
    const { href } = router.resolve({ name: 'clip', params: { id: clip.id } })
    const shared = await share(clip.title, t('clips.shareText', { title: clip.title }), new URL(href, location.origin).href)
    if (shared === 'copied') toast(t('clips.copied'))
    if (shared === 'failed') toast(t('clips.notCopied'), 'problem')
  }
}
