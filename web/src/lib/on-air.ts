// Whether some page of this browser is broadcasting: nothing may be changed under it then.
const LOCK = 'on-air'

/** From now on until the answer is called. A page that is closed lets go by itself. */
export function goOnAir(): () => void {
  let leave = (): void => undefined
  const left = new Promise<void>((resolve) => (leave = resolve))
  void navigator.locks?.request(LOCK, { mode: 'shared' }, () => left)
  return leave
}

/** Old browsers don't say; they are taken to be free. */
export async function isOnAir(): Promise<boolean> {
  const { held = [] } = (await navigator.locks?.query().catch(() => null)) ?? {}
  return held.some(({ name }) => name === LOCK)
}
