// How a session's figures read.
import { useI18n } from 'vue-i18n'
import type { MediaSession } from '@/api/types'
import { megabits } from '@/lib/line-figures'

export function useSessionWords() {
  const { t } = useI18n()
  return {
    /** 1_840_000 -> "1.8" megabits, 64_000 -> "64" kilobits. */
    speed: (bitrate: number): string => {
      const kbps = Math.round(bitrate / 1_000)
      return kbps < 1_000 ? t('operators.session.kilobits', { kbps }) : t('studio.line.speed', { mbps: megabits(kbps) })
    },
    /** Over what: "UDP · IPv4". */
    way: ({ transport, family }: MediaSession): string =>
      transport === null ? t('operators.session.noAddress') : [transport.toUpperCase(), family === null ? '' : `IPv${family}`].filter(Boolean).join(' '),
  }
}
