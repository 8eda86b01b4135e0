// Tells the rest of the page that the session cookie now belongs to somebody else.

const listeners = new Set<() => void>()

export function onSignInChanged(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function signInChanged(): void {
  for (const listener of [...listeners]) listener()
}
