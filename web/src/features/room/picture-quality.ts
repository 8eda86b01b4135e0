// How good a viewer's picture is, in one of three words.
import type { PlayStats } from '@/media/play-stats'

export type PictureQuality = 'good' | 'fair' | 'bad'

/** Repairs hide up to about 2 % of loss; beyond 8 %, or below 8 pictures a second, it stutters for everybody to see. */
const FAIR_LOSS_PERCENT = 2
const BAD_LOSS_PERCENT = 8
const FAIR_FPS = 14
const BAD_FPS = 8

/** `moving`: slides and sound alone have no frames to be counted. */
export function pictureQuality(stats: PlayStats, moving = true): PictureQuality {
  const fps = moving ? stats.framesPerSecond : FAIR_FPS
  if (stats.lossPercent >= BAD_LOSS_PERCENT || fps < BAD_FPS) return 'bad'
  return stats.lossPercent >= FAIR_LOSS_PERCENT || fps < FAIR_FPS ? 'fair' : 'good'
}
