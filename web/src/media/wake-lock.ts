// Keeps the screen of a host's phone on during a broadcast.

export class WakeLock {
  private sentinel: WakeLockSentinel | null = null
  private wanted = false
  private readonly onVisible = () => {
    // The browser lets go by itself when the page is hidden: ask again when it is back.
    if (this.wanted && document.visibilityState === 'visible') void this.request()
  }

  start(): void {
    if (this.wanted) return
    this.wanted = true
    document.addEventListener('visibilitychange', this.onVisible)
    void this.request()
  }

  destroy(): void {
    this.wanted = false
    document.removeEventListener('visibilitychange', this.onVisible)
    void this.sentinel?.release()
    this.sentinel = null
  }

  private async request(): Promise<void> {
    if (!('wakeLock' in navigator)) return
    try {
      const sentinel = await navigator.wakeLock.request('screen')
      if (!this.wanted) void sentinel.release()
      else this.sentinel = sentinel
    } catch {
      // Refused on a nearly empty battery: the broadcast goes on without it.
    }
  }
}
