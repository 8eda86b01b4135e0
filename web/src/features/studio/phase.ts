// Where a host stands: getting ready, live from this page, live from elsewhere, or done.
import type { Stage } from '@/features/room/stage'

export type Phase = 'ready' | 'mine' | 'external' | 'ended'

export function phaseOf(stage: Stage, sending: boolean, ended: boolean): Phase {
  if (sending) return 'mine'
  if (stage === 'starting' || stage === 'live' || stage === 'interrupted') return 'external'
  return ended ? 'ended' : 'ready'
}

/** Pinning and sales work while viewers see a picture or are told that it comes back. */
export function onAir(stage: Stage): boolean {
  return stage === 'live' || stage === 'interrupted'
}
