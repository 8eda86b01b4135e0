// The host's own recording for the life of the studio: kept beside the broadcast, and brought where something is missing.
import { onScopeDispose, shallowRef, watch } from 'vue'
import { fills } from '@/api'
import { serverNow } from '@/lib/server-clock'
import { recall, remember } from '@/lib/storage'
import { canRecord, OwnRecorder, type OwnFile } from '@/media/own-recorder'
import { encodingsFor } from '@/media/simulcast'
import { fillGaps, type Outcome, type Progress } from './filler'
import { OwnFiles } from './own-files'

const SETTING = 'own-recording'
const FIRST_WAIT_MS = 3_000
const LONGEST_WAIT_MS = 60_000
const LAST_FILE_MS = 2_000 // a recorder gives its last file a moment after it was stopped
/** A phone that is busy for so long has no strength left for a second recording. */
const PATIENCE_MS = 10_000

/** `busy`: the phone had enough to do with the broadcast. `broken`: it can't record, or can't keep what it recorded. */
export type OwnRecordingState = 'off' | 'ready' | 'recording' | 'busy' | 'broken'

export interface Filling extends Progress {
  readonly streamId: string
  readonly state: 'bringing' | 'making' | 'filled' | 'failed'
}

export type OwnRecording = ReturnType<typeof useOwnRecording>

export interface OwnBroadcast {
  /** This page sends, or is trying to. */
  running: () => boolean
  camera: () => MediaStream | null
  streamId: () => string | null
  /** The phone can't keep up with the broadcast alone. */
  tooBusy: () => boolean
}

export function useOwnRecording(broadcast: OwnBroadcast) {
  const possible = canRecord() && 'indexedDB' in window
  const wanted = shallowRef(possible && recall(SETTING) !== 'off')
  const state = shallowRef<OwnRecordingState>('ready')
  const filling = shallowRef<Filling | null>(null)
  let recorder: OwnRecorder | null = null
  let knownId: string | null = null
  let opening: Promise<OwnFiles> | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let patience: ReturnType<typeof setTimeout> | undefined
  let waitMs = FIRST_WAIT_MS
  let working = false
  let bringing: AbortController | null = null

  const files = () => (opening ??= OwnFiles.open())

  function begin(camera: MediaStream): void {
    recorder?.stop()
    state.value = 'recording'
    const { width = 1280, height = 720 } = camera.getVideoTracks()[0]?.getSettings() ?? {}
    recorder = new OwnRecorder({
      bitsPerSecond: encodingsFor(width, height)[0]?.maxBitrate ?? 1_000_000,
      serverNow,
      onFile: (file) => void keep(file),
      onState: ({ name }) => {
        if (name === 'broken') state.value = 'broken'
      },
    })
    recorder.start(camera)
  }

  function stop(why: OwnRecordingState): void {
    recorder?.stop()
    recorder = null
    if (state.value === 'recording') state.value = why
  }

  async function keep({ startedMs, durationMs, blob }: OwnFile): Promise<void> {
    if (!knownId) return
    try {
      await (await files()).add({ streamId: knownId, startedMs, durationMs, bytes: blob.size }, blob)
    } catch {
      stop('broken') // no storage, or none left: the broadcast goes on
    }
  }

  async function fillAll(): Promise<void> {
    if (working || broadcast.running() || !possible) return
    working = true
    bringing = new AbortController()
    const { signal } = bringing
    let later = false
    try {
      const own = await files()
      await own.dropOld(serverNow())
      for (const streamId of new Set((await own.all()).map((file) => file.streamId))) {
        if (signal.aborted) break
        if ((await alone(streamId, () => fill(own, streamId, signal))) === 'waiting') later = true
      }
    } catch {
      later = false // this browser keeps nothing
    } finally {
      working = false
    }
    if (later) again()
  }

  async function fill(own: OwnFiles, streamId: string, signal: AbortSignal): Promise<Outcome> {
    const mine = (await own.all()).filter((file) => file.streamId === streamId)
    const api = {
      look: (id: string) => fills.look(id),
      put: (file: { startedMs: number; durationMs: number }, video: Blob) => fills.put(streamId, file.startedMs, file.durationMs, video, { signal }),
      begin: (id: string) => fills.begin(id),
    }
    const show = (progress: Progress) => {
      filling.value = { streamId, state: progress.done < progress.of ? 'bringing' : 'making', ...progress }
    }
    const outcome = await fillGaps(streamId, mine, own, api, show, signal)
    if (outcome === 'waiting') return outcome
    if (outcome !== 'failed') await own.dropStream(streamId) // what failed may still be mended within the week
    if (outcome !== 'nothing') filling.value = { streamId, state: outcome, done: mine.length, of: mine.length }
    return outcome
  }

  function again(): void {
    clearTimeout(timer)
    timer = setTimeout(() => void fillAll(), waitMs)
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
  }

  function soon(): void {
    waitMs = FIRST_WAIT_MS
    again()
  }

  watch(broadcast.streamId, (id) => (knownId = id ?? knownId), { immediate: true, flush: 'sync' })
  watch(
    broadcast.running,
    (running) => {
      const camera = broadcast.camera()
      if (!running) {
        stop('ready')
        soon()
        return
      }
      bringing?.abort()
      if (wanted.value && camera) begin(camera)
    },
    { immediate: true, flush: 'sync' },
  )
  watch(broadcast.tooBusy, (busy) => {
    clearTimeout(patience)
    if (busy) patience = setTimeout(() => stop('busy'), PATIENCE_MS)
  })
  watch(wanted, (on) => {
    remember(SETTING, on ? 'on' : 'off')
    if (!on) stop('off')
  })
  window.addEventListener('online', soon)
  onScopeDispose(() => {
    window.removeEventListener('online', soon)
    clearTimeout(timer)
    clearTimeout(patience)
    stop('off')
    setTimeout(() => void opening?.then((own) => own.close()).catch(() => undefined), LAST_FILE_MS)
  })

  return {
    possible,
    wanted,
    state,
    filling,
    setWanted: (on: boolean) => {
      wanted.value = on
    },
    tracksChanged: () => recorder?.tracksChanged(),
  }
}

/** One page brings a broadcast's files at a time; browsers without locks ask the server, which takes each file once. */
function alone(streamId: string, work: () => Promise<Outcome>): Promise<Outcome> {
  if (!('locks' in navigator)) return work()
  return navigator.locks.request(`fill-${streamId}`, { ifAvailable: true }, (lock) => (lock ? work() : Promise.resolve('waiting' as const)))
}
