// Whether I may write here now, and following the host, which some rooms want first.
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { follows } from '@/api'
import { useSession } from '@/lib/session'
import { useAct } from '@/lib/use-act'
import { useWords } from '@/lib/words'
import type { RoomSide } from './room-side'

export function useTalking(slug: string, side: RoomSide, toSignIn: () => void) {
  const { t } = useI18n()
  const { moment } = useWords()
  const { act } = useAct()
  const session = useSession()

  const closed = computed(() => {
    const mute = side.me.mute
    if (mute) return t('talk.muted', { until: mute.until ? t('talk.mutedUntil', { at: moment(mute.until) }) : t('talk.mutedForGood') })
    return side.rules.followers_only && !side.me.following && !side.isStaff ? t('talk.followToTalk') : undefined
  })
  const placeholder = computed(() =>
    side.rules.slow_mode_seconds > 0 && !side.isStaff ? t('talk.slow', { seconds: side.rules.slow_mode_seconds }) : undefined,
  )

  function toggleFollow(): void {
    if (!session.user) return toSignIn()
    void act(async () => {
      const { following, followers } = await (side.me.following ? follows.unfollow(slug) : follows.follow(slug))
      side.setFollowing(following, followers)
    })
  }

  return { closed, placeholder, toggleFollow }
}
