// The numbers of what a room is told: nothing is heard twice or out of order, and a hole is noticed.

export type Verdict = 'next' | 'old' | 'hole'

export class EventOrder {
  private heard = 0

  /** The number of the last event heard; 0: none is known. */
  get last(): number {
    return this.heard
  }

  /** Everything up to this number is known from elsewhere; 0 takes whatever number comes next. */
  start(last: number): void {
    this.heard = last
  }

  /** Says what an event with this number is; the next one is counted as heard. */
  judge(number: number): Verdict {
    if (this.heard !== 0 && number <= this.heard) return 'old'
    if (this.heard !== 0 && number > this.heard + 1) return 'hole'
    this.heard = number
    return 'next'
  }

  /** As part of a list that has no holes but may leave out what was replaced: only going back is refused. */
  isLater(number: number): boolean {
    if (number <= this.heard) return false
    this.heard = number
    return true
  }
}
