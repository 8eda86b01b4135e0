// The host's camera and microphone for the life of the studio: opened, watched, switched, let go.
import { onScopeDispose, shallowRef } from 'vue'
import { Camera, type CameraProblem, CameraUnavailable, type Facing } from '@/media/camera'
import { SoundLevel } from '@/media/sound-level'

export type StudioCamera = ReturnType<typeof useCamera>

export function useCamera() {
  const camera = new Camera()
  const stream = shallowRef<MediaStream | null>(null)
  const problem = shallowRef<CameraProblem | null>(null)
  const opening = shallowRef(false)
  const switching = shallowRef(false)
  const canSwitch = shallowRef(false)
  const facing = shallowRef<Facing>(camera.facing)
  /** 0…1, ten times a second. */
  const level = shallowRef(0)
  /** The loudest moment since the camera was opened: silence over minutes means a dead microphone. */
  const loudest = shallowRef(0)
  let meter: SoundLevel | null = null
  let disposed = false

  async function open(): Promise<void> {
    if (opening.value || stream.value) return
    opening.value = true
    problem.value = null
    try {
      const opened = await camera.open()
      if (disposed) return camera.close()
      stream.value = opened
      canSwitch.value = await camera.canSwitch()
      listen(opened)
    } catch (error) {
      problem.value = error instanceof CameraUnavailable ? error.problem : 'busy'
    } finally {
      opening.value = false
    }
  }

  function listen(opened: MediaStream): void {
    meter?.destroy()
    loudest.value = 0
    meter = new SoundLevel(opened, (now) => {
      level.value = now
      loudest.value = Math.max(loudest.value, now)
    })
  }

  function close(): void {
    meter?.destroy()
    meter = null
    camera.close()
    stream.value = null
    level.value = 0
  }

  /** Front to back or the other way; gives the new track to whoever sends it, if somebody does. */
  async function switchSide(use?: (track: MediaStreamTrack) => Promise<void>): Promise<void> {
    if (switching.value || !stream.value) return
    switching.value = true
    try {
      const track = await camera.switch()
      await use?.(track)
    } catch (error) {
      problem.value = error instanceof CameraUnavailable ? error.problem : 'busy'
    } finally {
      facing.value = camera.facing
      switching.value = false
    }
  }

  const onTap = () => meter?.resume()
  document.addEventListener('pointerdown', onTap)
  onScopeDispose(() => {
    disposed = true
    document.removeEventListener('pointerdown', onTap)
    close()
  })

  return { stream, problem, opening, switching, canSwitch, facing, level, loudest, open, close, switchSide }
}
