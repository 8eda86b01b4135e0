// Hands a clip to a friend, by the page that plays it.
import type { Clip } from '@/api/types'
import { useShare } from '@/features/room/use-share'
import { useWords } from '@/lib/words'

export function useShareClip(): (clip: Clip) => Promise<void> {
  const share = useShare()
  const { t } = useWords()
  return ({ id, title }) => share({ name: 'clip', params: { id } }, title, t('clips.shareText', { title }))
}
