// What this page knows may be old: then it is read again, and the same is tried once more.

export async function onceMore<T>(
  send: () => Promise<T>,
  isStale: (error: unknown) => boolean,
  refresh: () => Promise<void>,
): Promise<T> {
  try {
    return await send()
  } catch (error) {
    if (!isStale(error)) throw error
    await refresh()
    return send()
  }
}
