// What an entry of the moderation log says about itself, in the chosen language.
import { useI18n } from 'vue-i18n'
import type { ChatRules, LogEntry } from '@/api/types'
import { ruleChanges } from './log-words'

export const RULES = ['followers_only', 'review_first', 'links_from_staff_only'] as const satisfies readonly (keyof ChatRules)[]

export function useLogWords(): { subjectOf: (entry: LogEntry) => string } {
  const { t } = useI18n()

  function ruleWords({ rule, value }: { rule: string; value: string }): string {
    if (rule === 'slow_mode_seconds') return `${t('talk.desk.slowRule')} ${value === '0' ? t('talk.desk.off') : t('talk.desk.seconds', { seconds: value })}`
    const known = RULES.find((each) => each === rule)
    return known ? `${t(`talk.desk.rule.${known}`)} ${t(value === 'True' ? 'talk.desk.on' : 'talk.desk.closed')}` : ''
  }

  return {
    subjectOf(entry) {
      if (entry.act === 'words' || entry.subject === '*') return ''
      return entry.act === 'rules' ? ruleChanges(entry.subject).map(ruleWords).join(' · ') : entry.subject
    },
  }
}
