// Gathers taps on the heart, so that a quick thumb sends two events a second and not ten.

const SEND_INTERVAL_MS = 600
const AT_MOST_PER_EVENT = 20 // as PROTOCOL.md allows

export class LikeCounter {
  private pending = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly send: (count: number) => void) {}

  tap(): void {
    this.pending = Math.min(AT_MOST_PER_EVENT, this.pending + 1)
    this.timer ??= setTimeout(() => this.flush(), SEND_INTERVAL_MS)
  }

  destroy(): void {
    this.flush()
  }

  private flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.pending > 0) this.send(this.pending)
    this.pending = 0
  }
}
