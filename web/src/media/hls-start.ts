// Moves where hls.js begins, as long as it has not begun.
import type Hls from 'hls.js'

export function beginAt(hls: Pick<Hls, 'config' | 'loadingEnabled' | 'startLoad'>, seconds: number): void {
  hls.config.startPosition = seconds
  // Once it loads it has taken up the configured place; what is held does not load because of this.
  if (hls.loadingEnabled) hls.startLoad(seconds)
}
