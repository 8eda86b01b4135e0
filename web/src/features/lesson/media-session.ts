// What the phone shows of a lesson while its screen is locked or another app is in front, and its buttons.

export interface Remote {
  play: () => void
  pause: () => void
  seekBy: (ms: number) => void
  seekTo: (ms: number) => void
}

const SKIP_MS = 10_000

export function showInSystem(shown: { title: string; artist: string; album: string; poster: string | null }, remote: Remote): () => void {
  if (!('mediaSession' in navigator)) return () => undefined
  const session = navigator.mediaSession
  session.metadata = new MediaMetadata({
    title: shown.title,
    artist: shown.artist,
    album: shown.album,
    artwork: shown.poster ? [{ src: shown.poster, type: 'image/webp' }] : [],
  })
  const actions: [MediaSessionAction, MediaSessionActionHandler][] = [
    ['play', remote.play],
    ['pause', remote.pause],
    ['seekbackward', ({ seekOffset }) => remote.seekBy(-(seekOffset ? seekOffset * 1000 : SKIP_MS))],
    ['seekforward', ({ seekOffset }) => remote.seekBy(seekOffset ? seekOffset * 1000 : SKIP_MS)],
    ['seekto', ({ seekTime }) => seekTime !== undefined && remote.seekTo(seekTime * 1000)],
  ]
  for (const [action, handler] of actions) set(action, handler)
  return () => {
    session.metadata = null
    for (const [action] of actions) set(action, null)
  }
}

/** Some browsers know only some of the buttons. */
function set(action: MediaSessionAction, handler: MediaSessionActionHandler | null): void {
  try {
    navigator.mediaSession.setActionHandler(action, handler)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
}

export function placeInSystem(positionMs: number, durationMs: number, rate: number): void {
  if (!('mediaSession' in navigator) || durationMs <= 0 || rate <= 0) return
  navigator.mediaSession.setPositionState?.({ duration: durationMs / 1000, position: Math.min(positionMs, durationMs) / 1000, playbackRate: rate })
}
