// Runs the checks before a broadcast as long as they are looked at.
import { computed, onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import { rooms } from '@/api'
import { type Light, measureLight } from '@/media/light'
import { checksOf } from './checks'
import { uploadKbps } from './upload-speed'
import type { StudioCamera } from './use-camera'

/** Light changes when a host walks about; it costs almost nothing to look again. */
const LIGHT_EVERY_MS = 3_000

export function useChecks(camera: StudioCamera, preview: Readonly<ShallowRef<HTMLVideoElement | null>>) {
  const light = shallowRef<Light | null>(null)
  const upload = shallowRef<number | null>(null)
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined

  const checks = computed(() =>
    checksOf({
      cameraOpen: camera.stream.value !== null,
      cameraProblem: camera.problem.value,
      hasSound: (camera.stream.value?.getAudioTracks().length ?? 0) > 0,
      loudest: camera.loudest.value,
      light: light.value,
      uploadKbps: upload.value,
    }),
  )

  async function lookAtLight(): Promise<void> {
    if (preview.value && !document.hidden) light.value = (await measureLight(preview.value, controller.signal)) ?? light.value
    if (!controller.signal.aborted) timer = setTimeout(() => void lookAtLight(), LIGHT_EVERY_MS)
  }

  async function measureUpload(): Promise<void> {
    upload.value = null
    upload.value = await uploadKbps((body, timeoutMs) => rooms.checkUpload(body, { timeoutMs, signal: controller.signal }))
  }

  watch(camera.stream, () => {
    light.value = null
  })
  void lookAtLight()
  void measureUpload()
  onScopeDispose(() => {
    clearTimeout(timer)
    controller.abort()
  })
  return { checks, measureUpload }
}
