// What goes on behind every page once it has time: the service worker, progress that waits to be told, downloads that stopped.
import { watch } from 'vue'
import { handInAnswers } from '@/features/quiz/answers-later'
import { registerServiceWorker } from '@/lib/service-worker'
import { useSession } from '@/lib/session'
import { canKeep } from './device'
import { useDownloads } from './downloads'
import { mergeWatched } from './watched-later'

export function startOffline(): void {
  registerServiceWorker().catch(() => undefined) // a browser that forbids it shows the page all the same
  if (!canKeep()) return
  const session = useSession()
  const downloads = useDownloads()
  const goOn = () => {
    session
      .ensure()
      .then(async () => {
        if (!session.user) return
        await mergeWatched(session.user.id, downloads.told)
        await handInAnswers(session.user.id)
      })
      .then(downloads.resume)
      .catch(() => undefined) // without the server: when the line is back
  }
  window.addEventListener('online', goOn)
  watch(() => session.user?.id, (id) => id && goOn())
  goOn()
}
