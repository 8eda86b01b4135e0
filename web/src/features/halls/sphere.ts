// The 360° scene of a hall: Photo Sphere Viewer with one marker per booth, its picture in tiles. Loaded only with the scene.
import { Viewer } from '@photo-sphere-viewer/core'
import { EquirectangularTilesAdapter } from '@photo-sphere-viewer/equirectangular-tiles-adapter'
import { MarkersPlugin } from '@photo-sphere-viewer/markers-plugin'
import '@photo-sphere-viewer/core/index.css'
import '@photo-sphere-viewer/markers-plugin/index.css'
import type { Panorama } from '@/api/types'
import { prefersReducedMotion } from '@/lib/media-query'

/** Degrees. */
export interface Direction {
  yaw: number
  pitch: number
}

export interface HotSpot extends Direction {
  id: string
  /** A real button, so that keyboards and screen readers reach it. */
  element: HTMLElement
}

export interface Sphere {
  lookAt: (spot: Direction) => void
  /** Whether arrows, + and - turn it. */
  listen: (toKeys: boolean) => void
  /** Where the middle of the view is. */
  middle: () => Direction
  /** Other hot spots, or the same at other places. */
  place: (spots: HotSpot[]) => void
  destroy: () => void
}

const TURN_SPEED = '6rpm'
const WIDEST_VIEW_DEGREES = 80 // upright on a phone, so that two booths fit side by side
const TILE_SIDE = 512
const degrees = (value: number) => `${value}deg`
const fromRadians = (value: number) => Math.round((value * 1_800) / Math.PI) / 10

interface SphereListeners {
  ready: () => void
  failed: (error: unknown) => void
  picked: (id: string) => void
  /** A place that is no hot spot. */
  touched?: (where: Direction) => void
}

function tilesOf(panorama: Panorama) {
  return {
    baseUrl: panorama.base_url,
    levels: panorama.levels.map((width) => ({ width, cols: width / TILE_SIDE, rows: width / 2 / TILE_SIDE })),
    tileUrl: (column: number, row: number, level: number) => `${panorama.tiles_url}${level}/${column}-${row}.webp`,
  }
}

const markersOf = (spots: HotSpot[]) =>
  spots.map(({ id, yaw, pitch, element }) => ({
    id,
    element,
    position: { yaw: degrees(yaw), pitch: degrees(pitch) },
    anchor: 'center center',
  }))

/** Yaw in Photo Sphere Viewer is 0 to 2π; ours is -180 to 180. */
function directionOf({ yaw, pitch }: { yaw: number; pitch: number }): Direction {
  const turn = fromRadians(yaw)
  return { yaw: turn > 180 ? Math.round((turn - 360) * 10) / 10 : turn, pitch: fromRadians(pitch) }
}

export function openSphere(container: HTMLElement, panorama: Panorama, spots: HotSpot[], listeners: SphereListeners): Sphere {
  const [first] = spots
  const viewer = new Viewer({
    container,
    adapter: EquirectangularTilesAdapter.withConfig({ showErrorTile: false, baseBlur: false }),
    navbar: false,
    defaultYaw: degrees(first?.yaw ?? 0),
    defaultPitch: degrees(first?.pitch ?? 0),
    defaultZoomLvl: 0,
    maxFov: WIDEST_VIEW_DEGREES,
    loadingTxt: '',
    keyboard: false, // only while it has the focus: the library would listen to the whole page
    moveInertia: !prefersReducedMotion(),
    rendererParameters: { antialias: false, powerPreference: 'low-power' },
    lang: { loadError: '', webglError: '' }, // the page says it in its own words
    plugins: [MarkersPlugin.withConfig({ markers: markersOf(spots) })],
  })
  let open = true
  viewer.setPanorama(tilesOf(panorama), { showLoader: false, transition: false }).then(
    () => open && listeners.ready(),
    (error: unknown) => open && listeners.failed(error),
  )
  const markers = viewer.getPlugin<MarkersPlugin>(MarkersPlugin)
  markers.addEventListener('select-marker', ({ marker }) => listeners.picked(marker.id))
  viewer.addEventListener('click', ({ data }) => {
    if (!data.marker) listeners.touched?.(directionOf(data))
  })
  return {
    lookAt: ({ yaw, pitch }) => {
      const position = { yaw: degrees(yaw), pitch: degrees(pitch) }
      if (prefersReducedMotion()) viewer.rotate(position)
      else void viewer.animate({ ...position, speed: TURN_SPEED })
    },
    listen: (toKeys) => (toKeys ? viewer.startKeyboardControl() : viewer.stopKeyboardControl()),
    middle: () => directionOf(viewer.getPosition()),
    place: (moved) => markers.setMarkers(markersOf(moved)),
    destroy: () => {
      open = false
      viewer.destroy()
    },
  }
}
