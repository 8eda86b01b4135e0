// Whether a hall opens as a 360° scene or as a plain list.
import { prefersReducedMotion } from '@/lib/media-query'
import { recall, remember } from '@/lib/storage'

export type WayToLook = 'scene' | 'list'

const KEY = 'hall'
const LITTLE_MEMORY_GB = 2

interface WeakDevice {
  deviceMemory?: number
  connection?: { saveData?: boolean; effectiveType?: string }
}

export function hasWebGl(): boolean {
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('webgl2') ?? canvas.getContext('webgl')
  context?.getExtension('WEBGL_lose_context')?.loseContext() // browsers allow only a few of them
  return context !== null
}

/** What the person chose last, else the list wherever a turning picture would be slow, dear or unpleasant. */
export function firstWayToLook(): WayToLook {
  if (!hasWebGl()) return 'list'
  const chosen = recall(KEY)
  if (chosen === 'scene' || chosen === 'list') return chosen
  const device = navigator as Navigator & WeakDevice
  const weak = (device.deviceMemory ?? LITTLE_MEMORY_GB + 1) <= LITTLE_MEMORY_GB
  const dear = device.connection?.saveData === true || /2g$/.test(device.connection?.effectiveType ?? '')
  return weak || dear || prefersReducedMotion() ? 'list' : 'scene'
}

export function rememberWayToLook(way: WayToLook): void {
  remember(KEY, way)
}
