// Events that come while a join waits for its snapshot: kept back, and replayed on top of it in their order.

/** Far more than a busy room sends in the time of one answer; what is older is in the snapshot anyway. */
const MOST_HELD = 500

type Act = () => void

export class HeldEvents {
  private held: Act[] | null = null

  /** Keeps events back from now on; the returned function replays them and lets the next ones through. */
  hold(): () => void {
    const mine: Act[] = []
    this.held = mine
    return () => {
      if (this.held !== mine) return // a newer join waits: its snapshot will tell
      this.held = null
      for (const act of mine) act()
    }
  }

  /** Acts at once, or when the hold ends. */
  pass(act: Act): void {
    if (!this.held) return act()
    this.held.push(act)
    if (this.held.length > MOST_HELD) this.held.shift()
  }
}
