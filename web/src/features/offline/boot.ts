// What goes on behind every page once it has time: the service worker, progress that waits to be told, downloads that stopped.
import { watch } from 'vue'
import { registerServiceWorker } from '@/lib/app-update'
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
      .then(() => (session.user ? mergeWatched(session.user.id, downloads.told) : undefined))
      .then(downloads.resume)
      .catch(() => undefined) // without the server: when the line is back
  }
  window.addEventListener('online', goOn)
  watch(() => session.user?.id, (id) => id && goOn())
  goOn()
}
