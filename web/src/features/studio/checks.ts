// What the check before a broadcast finds, each as one of four words; the sentences are in i18n.
import type { CameraProblem } from '@/media/camera'
import type { Light } from '@/media/light'

export type Verdict = 'busy' | 'good' | 'fair' | 'bad'

export interface Check {
  readonly name: 'camera' | 'sound' | 'light' | 'upload'
  readonly verdict: Verdict
  /** Key under `studio.check.<name>`. */
  readonly words: string
}

export interface Findings {
  readonly cameraOpen: boolean
  readonly cameraProblem: CameraProblem | null
  readonly hasSound: boolean
  readonly loudest: number
  readonly light: Light | null
  /** Kilobits a second; null while measuring, NaN if it could not be measured. */
  readonly uploadKbps: number | null
}

/** About -40 dBFS: somebody has spoken near the phone. */
const HEARD_LEVEL = 0.33
/** 720p wants 1.5 Mbit/s; below 0.5 the goods are hard to recognise. */
const GOOD_UPLOAD_KBPS = 1_500
const FAIR_UPLOAD_KBPS = 500

export function checksOf(found: Findings): Check[] {
  // Without a camera there is nothing to say about sound and light: one thing to put right, not three.
  if (found.cameraProblem) return [cameraCheck(found), uploadCheck(found)]
  return [cameraCheck(found), soundCheck(found), lightCheck(found), uploadCheck(found)]
}

function cameraCheck({ cameraOpen, cameraProblem }: Findings): Check {
  if (cameraProblem) return { name: 'camera', verdict: 'bad', words: cameraProblem === 'busy' ? 'in_use' : cameraProblem }
  return cameraOpen ? { name: 'camera', verdict: 'good', words: 'good' } : { name: 'camera', verdict: 'busy', words: 'busy' }
}

function soundCheck({ cameraOpen, hasSound, loudest }: Findings): Check {
  if (!cameraOpen) return { name: 'sound', verdict: 'busy', words: 'busy' }
  if (!hasSound) return { name: 'sound', verdict: 'bad', words: 'none' }
  return loudest >= HEARD_LEVEL ? { name: 'sound', verdict: 'good', words: 'good' } : { name: 'sound', verdict: 'fair', words: 'quiet' }
}

function lightCheck({ cameraOpen, light }: Findings): Check {
  if (!cameraOpen || !light) return { name: 'light', verdict: 'busy', words: 'busy' }
  return { name: 'light', verdict: light === 'good' ? 'good' : 'fair', words: light }
}

function uploadCheck({ uploadKbps }: Findings): Check {
  if (uploadKbps === null) return { name: 'upload', verdict: 'busy', words: 'busy' }
  if (Number.isNaN(uploadKbps)) return { name: 'upload', verdict: 'fair', words: 'unknown' }
  if (uploadKbps >= GOOD_UPLOAD_KBPS) return { name: 'upload', verdict: 'good', words: 'good' }
  return uploadKbps >= FAIR_UPLOAD_KBPS
    ? { name: 'upload', verdict: 'fair', words: 'fair' }
    : { name: 'upload', verdict: 'bad', words: 'bad' }
}
