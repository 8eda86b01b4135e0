// Counts what hls.js really loads over the line; what a service worker answers from the device costs nothing.
import type Hls from 'hls.js'
import type { AudioTrackLoadedData, HlsEventEmitter, LevelLoadedData } from 'hls.js'

/** The service worker answers with it, so that players do not count it as mobile data. */
export const ON_DEVICE = 'X-On-Device'

/** Only of our own origin: there is no service worker for a media node's files, and the browser complains of each such question. */
function isOnDevice(details: unknown): boolean {
  return details instanceof XMLHttpRequest && details.responseURL.startsWith(`${location.origin}/`) && details.getResponseHeader(ON_DEVICE) !== null
}

export function countLoaded(hls: HlsEventEmitter, { Events }: Pick<typeof Hls, 'Events'>, onBytes: (bytes: number) => void): void {
  hls.on(Events.FRAG_LOADED, (_event, { payload, networkDetails }) => {
    if (!isOnDevice(networkDetails)) onBytes(payload.byteLength)
  })
  const onPlaylist = ({ stats, networkDetails }: LevelLoadedData | AudioTrackLoadedData) => {
    if (!isOnDevice(networkDetails)) onBytes(stats.loaded)
  }
  hls.on(Events.LEVEL_LOADED, (_event, loaded) => onPlaylist(loaded))
  hls.on(Events.AUDIO_TRACK_LOADED, (_event, loaded) => onPlaylist(loaded))
}
