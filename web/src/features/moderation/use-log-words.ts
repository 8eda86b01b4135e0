// What an entry of the moderation log says about itself, in the chosen language.
import { useI18n } from 'vue-i18n'
import type { ChatRules, LogEntry } from '@/api/types'
import { ruleChanges } from './log-words'

export const RULES = ['followers_only', 'review_first', 'links_from_staff_only'] as const satisfies readonly (keyof ChatRules)[]

export function useLogWords(): { subjectOf: (entry: LogEntry) => string } {
  const { t } = useI18n()

  function ruleWords({ rule, value }: { rule: string; value: string }): string {
    if (rule === 'slow_mode_seconds') return `${t('moderation.slowRule')} ${value === '0' ? t('moderation.off') : t('moderation.seconds', { seconds: value })}`
    const known = RULES.find((each) => each === rule)
    return known ? `${t(`moderation.rule.${known}`)} ${t(value === 'True' ? 'moderation.on' : 'moderation.closed')}` : ''
  }

  return {
    subjectOf(entry) {
      if (entry.act === 'words' || entry.subject === '*') return ''
      return entry.act === 'rules' ? ruleChanges(entry.subject).map(ruleWords).join(' · ') : entry.subject
    },
  }
}
