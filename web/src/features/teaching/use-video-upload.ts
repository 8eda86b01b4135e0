// The upload of one course's page: what can be gone on with, the one that is under way, and the screen that stays on meanwhile.
import { computed, onScopeDispose, shallowRef } from 'vue'
import { uploads } from '@/api'
import { useLoad } from '@/lib/load'
import { useSession } from '@/lib/session'
import { openTus, VideoUpload, type VideoUploadState } from '@/media/video-upload'
import { WakeLock } from '@/media/wake-lock'

const IDLE: VideoUploadState = { name: 'idle' }
const UNDER_WAY: readonly VideoUploadState['name'][] = ['sending', 'waiting', 'paused', 'failed']

export function useVideoUpload(courseId: () => string, done: (lessonId: string) => void) {
  const session = useSession()
  const state = shallowRef<VideoUploadState>(IDLE)
  const known = useLoad((signal) => uploads.unfinished({ signal }))
  const unfinished = computed(() => (known.state.value.kind === 'ready' ? known.state.value.data.items.filter(({ course_id }) => course_id === courseId()) : []))
  const mostBytes = computed(() => (known.state.value.kind === 'ready' ? known.state.value.data.most_bytes : null))
  const isUnderWay = computed(() => UNDER_WAY.includes(state.value.name))
  let upload: VideoUpload | null = null
  const awake = shallowRef<WakeLock | null>(null)

  function keepAwake(wanted: boolean): void {
    if (wanted === (awake.value !== null)) return
    awake.value?.destroy()
    awake.value = wanted ? new WakeLock() : null
    awake.value?.start()
  }

  async function onState(next: VideoUploadState): Promise<void> {
    state.value = next
    keepAwake(next.name === 'sending' || next.name === 'waiting')
    if (next.name !== 'done') return
    const { lesson_id } = await uploads.get(next.id)
    if (lesson_id) done(lesson_id)
    void known.reload()
  }

  function begin(file: File, title: string): void {
    upload?.destroy()
    upload = new VideoUpload(
      { file, title, courseId: courseId(), userId: session.user?.id ?? '' },
      { open: openTus, onState: (next) => void onState(next).catch(() => known.reload()) },
    )
    upload.start()
  }

  async function drop(): Promise<void> {
    await upload?.drop()
    upload?.destroy()
    upload = null
    state.value = IDLE
    await known.reload()
  }

  onScopeDispose(() => {
    keepAwake(false)
    upload?.destroy()
  })

  return {
    state,
    unfinished,
    mostBytes,
    isUnderWay,
    begin,
    drop,
    pause: () => upload?.pause(),
    goOn: () => upload?.start(),
    forget: async (uploadId: string) => {
      await uploads.drop(uploadId)
      await known.reload()
    },
  }
}
