// What a log entry of changed rules says: "slow_mode_seconds=5, review_first=True" as names and values. Pure.

export interface RuleChange {
  rule: string
  value: string
}

export function ruleChanges(subject: string): RuleChange[] {
  return subject.split(', ').flatMap((part) => {
    const [rule, value] = part.split('=')
    return rule && value ? [{ rule, value }] : []
  })
}
