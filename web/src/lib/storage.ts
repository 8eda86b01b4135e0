// Small things a browser remembers; without storage (private windows) they last as long as the page.

const fallback = new Map<string, string>()
const PREFIX = 'dongting.'

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value)
  } catch (error) {
    if (!(error instanceof DOMException)) throw error
    fallback.set(key, value)
  }
}

export function forget(key: string): void {
  fallback.delete(key)
  try {
    localStorage.removeItem(PREFIX + key)
  } catch (error) {
    if (!(error instanceof DOMException)) throw error
  }
}

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key) ?? fallback.get(key) ?? null
  } catch (error) {
    if (!(error instanceof DOMException)) throw error
    return fallback.get(key) ?? null
  }
}
