// The 360° scene of a hall: Photo Sphere Viewer with one marker per booth. Loaded only with the scene.
import { Viewer } from '@photo-sphere-viewer/core'
import { MarkersPlugin } from '@photo-sphere-viewer/markers-plugin'
import '@photo-sphere-viewer/core/index.css'
import '@photo-sphere-viewer/markers-plugin/index.css'
import { prefersReducedMotion } from '@/lib/media-query'

export interface HotSpot {
  id: string
  yaw: number
  pitch: number
  /** A real button, so that keyboards and screen readers reach it. */
  element: HTMLElement
}

export interface Sphere {
  lookAt: (spot: { yaw: number; pitch: number }) => void
  destroy: () => void
}

const TURN_SPEED = '6rpm'
const WIDEST_VIEW_DEGREES = 80 // upright on a phone, so that two booths fit side by side
const degrees = (value: number) => `${value}deg`

interface SphereListeners {
  ready: () => void
  failed: (error: unknown) => void
  picked: (id: string) => void
}

export function openSphere(container: HTMLElement, panorama: string, spots: HotSpot[], listeners: SphereListeners): Sphere {
  const [first] = spots
  const viewer = new Viewer({
    container,
    navbar: false,
    defaultYaw: degrees(first?.yaw ?? 0),
    defaultPitch: degrees(first?.pitch ?? 0),
    defaultZoomLvl: 0,
    maxFov: WIDEST_VIEW_DEGREES,
    loadingTxt: '',
    keyboard: 'always',
    moveInertia: !prefersReducedMotion(),
    rendererParameters: { antialias: false, powerPreference: 'low-power' },
    lang: { loadError: '', webglError: '' }, // the page says it in its own words
    plugins: [
      MarkersPlugin.withConfig({
        markers: spots.map(({ id, yaw, pitch, element }) => ({
          id,
          element,
          position: { yaw: degrees(yaw), pitch: degrees(pitch) },
          anchor: 'center center',
        })),
      }),
    ],
  })
  let open = true
  viewer.setPanorama(panorama, { showLoader: false, transition: false }).then(
    () => open && listeners.ready(),
    (error: unknown) => open && listeners.failed(error),
  )
  viewer.getPlugin<MarkersPlugin>(MarkersPlugin).addEventListener('select-marker', ({ marker }) => listeners.picked(marker.id))
  return {
    lookAt: ({ yaw, pitch }) => {
      const position = { yaw: degrees(yaw), pitch: degrees(pitch) }
      if (prefersReducedMotion()) viewer.rotate(position)
      else void viewer.animate({ ...position, speed: TURN_SPEED })
    },
    destroy: () => {
      open = false
      viewer.destroy()
    },
  }
}
