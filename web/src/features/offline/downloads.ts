// Lessons kept on this device (pinia): begun, stopped, gone on with after a bad line or a closed page, removed.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { lessons } from '@/api'
import { asApiError } from '@/api/errors'
import type { Lesson, LessonProgress } from '@/api/types'
import { useDataUse } from '@/lib/data-use'
import { useSession } from '@/lib/session'
import { recall, remember } from '@/lib/storage'
import { canKeep, freeBytes, inTurn, packFiles, packs as kept } from './device'
import type { Offer } from '@/features/lesson/quality'
import { progressOf } from '@/features/lesson/watched'
import { afterLook, isMine, isRenewal, isSame, type Pack, packId, renewalId, renewedId, sameOffer, shelfOf, totalBytes, whyNot } from './pack'
import { PackTrouble } from './fetch-file'
import { loadPack, newPack, TakenOver, troubleOf } from './pack-loader'

const LIMIT = 'downloads.limit'
export const FIRST_LIMIT_BYTES = 500_000_000

export const useDownloads = defineStore('downloads', () => {
  const session = useSession()
  const data = useDataUse()
  const all = shallowRef<readonly Pack[]>([])
  const known = ref(false)
  const limitBytes = ref(Number(recall(LIMIT)) || FIRST_LIMIT_BYTES)
  const free = ref(Number.POSITIVE_INFINITY)
  const loading = new Map<string, AbortController>()
  let reading: Promise<void> | null = null

  const ofMine = computed(() => all.value.filter((pack) => isMine(pack, session.lastId)))
  const mine = computed(() => ofMine.value.filter((pack) => !isRenewal(pack)).sort((a, b) => b.keptAt - a.keptAt))
  /** What can be watched without a network. */
  const whole = computed(() => mine.value.filter(({ state }) => state === 'ready'))
  const othersBytes = computed(() => totalBytes(all.value.filter((pack) => !isMine(pack, session.lastId))))
  const watchedBytes = ref(0) // of lessons that have gone, and stay until somebody has watched them
  const total = computed(() => totalBytes(all.value) + watchedBytes.value)

  /** Resolves when it is known what is kept here; nothing where nothing can be. */
  function ready(): Promise<void> {
    reading ??= canKeep() ? read().catch(() => void (reading = null)) : Promise.resolve()
    return reading
  }

  async function read(): Promise<void> {
    await lookAtRoom()
    all.value = await kept.all()
    known.value = true
  }

  /** Looks again what room is left: it changes when somebody has watched to the end what has gone, too. */
  async function lookAtRoom(): Promise<void> {
    watchedBytes.value = await packFiles.tidy().catch(() => 0) // what is left over takes room, and the next visit tries again
    free.value = await freeBytes()
  }

  function show(pack: Pack): void {
    forget(pack.id)
    all.value = [...all.value, pack]
  }

  function forget(id: string): void {
    all.value = all.value.filter((pack) => pack.id !== id)
  }

  /** Another page has changed a pack. */
  async function heard(id: string): Promise<void> {
    const now = await kept.get(id)
    const shown = find(id)
    if (now?.state !== 'loading') stop(id)
    if (!now) forget(id)
    else show(loading.has(id) && shown ? { ...now, loadedBytes: Math.max(now.loadedBytes, shown.loadedBytes) } : now)
  }
  kept.onChange((id) => void heard(id).catch(() => undefined)) // the next visit reads it

  /** Changes what is kept of a pack, which another page may have gone on with; a page that loads it itself knows better how far it is. */
  async function change(id: string, how: (pack: Pack) => Pack): Promise<void> {
    const now = await kept.change(id, how)
    const shown = find(id)
    if (now) show(shown && loading.has(id) ? how(shown) : now)
  }

  /** What this person has of a lesson, or what somebody left here for all. */
  function of(lessonId: string): Pack | null {
    return mine.value.find(({ id }) => id === packId(session.lastId, lessonId)) ?? mine.value.find(({ lesson }) => lesson.id === lessonId) ?? null
  }

  const room = () => ({ limitBytes: limitBytes.value - watchedBytes.value, freeBytes: free.value })

  function why(lessonId: string, bytes: number): 'limit' | 'full' | null {
    return whyNot(all.value, { id: packId(session.lastId, lessonId), bytes }, room())
  }

  /** Why the new edition can't be loaded beside the old one; null: it can. */
  function whyNotRenew({ id, newBytes }: Pick<Pack, 'id' | 'newBytes'>): 'limit' | 'full' | null {
    return whyNot(all.value, { id: renewalId(id), bytes: newBytes ?? 0 }, room())
  }

  /** Keeps a lesson; what was there of it in another size or edition goes first. `over`: also beyond the month's data. */
  async function start(lesson: Lesson, offer: Offer, over = false): Promise<void> {
    await ready()
    await begin(newPack(packId(session.lastId, lesson.id), session.lastId, lesson, offer, Date.now()), over)
  }

  async function begin(pack: Pack, over = false): Promise<void> {
    stop(pack.id)
    void navigator.storage?.persist?.().catch(() => false) // else the browser may throw it away when room gets scarce
    await turn(pack.id, async (signal) => {
      if (await isWanted(pack)) await loadAlone(pack.id, signal, over)
    })
  }

  /** Looks what is there by now, since another page may have begun it, and notes it if it is new; false: there is nothing to load. */
  async function isWanted(pack: Pack): Promise<boolean> {
    if (isRenewal(pack)) {
      const standing = await kept.get(renewedId(pack.id))
      if (standing) show(standing)
      if (!standing || isSame(standing, pack)) return false
    }
    const before = await kept.get(pack.id)
    if (before && isSame(before, pack)) return true
    show(pack)
    await kept.put(pack)
    if (before) await packFiles.drop(shelfOf(before))
    return true
  }

  function stop(id: string): void {
    loading.get(id)?.abort()
    loading.delete(id)
  }

  async function pause(id: string): Promise<void> {
    stop(id)
    const shown = find(id)
    if (shown?.state !== 'loading') return
    await change(id, (pack) =>
      pack.state === 'loading' ? { ...pack, state: 'stopped', trouble: null, loadedBytes: Math.max(pack.loadedBytes, shown.loadedBytes) } : pack,
    )
  }

  const find = (id: string) => all.value.find((pack) => pack.id === id)

  /** What was learnt of the lesson while it is loaded stays. */
  function asKnown(pack: Pack): Pack {
    const { lesson, isOutdated } = find(pack.id) ?? pack
    return { ...pack, lesson, isOutdated }
  }

  /** Goes on where it stopped. `over`: also beyond the month's data. */
  async function load(id: string, over = false): Promise<void> {
    if (!loading.has(id)) await turn(id, (signal) => loadAlone(id, signal, over))
  }

  /** One page loads a pack at a time; the others wait, and see what has become of it. */
  async function turn(id: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController()
    loading.set(id, controller)
    try {
      await inTurn(`pack.${id}`, controller.signal, () => work(controller.signal))
    } finally {
      if (loading.get(id) === controller) loading.delete(id)
    }
  }

  async function loadAlone(id: string, signal: AbortSignal, over: boolean): Promise<void> {
    const pack = await kept.change(id, (now) => (now.state === 'ready' ? now : { ...now, state: 'loading', trouble: null }))
    if (!pack) return forget(id)
    show(pack)
    if (pack.state === 'ready') return
    await lookAtRoom()
    try {
      const whole = await loadPack(pack, {
        signal,
        onBytes: data.note,
        onLoaded: (now) => {
          if (!signal.aborted) show({ ...asKnown(now), state: 'loading' })
        },
        mayFetch: (loadedBytes) => {
          if (signal.aborted) throw signal.reason
          mayKeep(id, loadedBytes + 1) // what is fetched has at least a byte
          const left = data.leftNow()
          if (!over && left !== null && left <= 0) throw new PackTrouble('budget')
        },
        mayKeep: (loadedBytes) => mayKeep(id, loadedBytes),
      })
      if (!signal.aborted) await finish(whole)
    } catch (error) {
      if (!signal.aborted) await giveUp(pack, error)
    } finally {
      await leave(pack)
      await lookAtRoom()
    }
  }

  async function giveUp(pack: Pack, error: unknown): Promise<void> {
    const isHere = !(error instanceof TakenOver) && (await kept.note({ ...(find(pack.id) ?? pack), state: 'stopped', trouble: troubleOf(error) }))
    const now = isHere || (await kept.get(pack.id))
    if (now) show(now)
    else forget(pack.id)
  }

  /** What came for a download that is not there any more goes with it. */
  async function leave(pack: Pack): Promise<void> {
    const { id, shelf } = pack
    const shelves = await Promise.all((isRenewal(pack) ? [id, renewedId(id)] : [id]).map((one) => kept.get(one)))
    if (shelf && !shelves.some((now) => now?.shelf === shelf)) await packFiles.drop(shelf)
  }

  function mayKeep(id: string, loadedBytes: number): void {
    const others = all.value.filter((other) => other.id !== id)
    if (totalBytes(others) + loadedBytes > room().limitBytes) throw new PackTrouble('limit')
  }

  /** It is whole; what it was to renew could be watched until now. */
  async function finish(whole: Pack): Promise<void> {
    // A renewal that is whole is one only in its place: a page may be closed before it takes it.
    const now = await kept.note(isRenewal(whole) ? { ...whole, state: 'loading' } : whole)
    if (!now) throw new TakenOver()
    if (!isRenewal(now)) return show(now)
    const next = await kept.takePlace({ ...now, state: 'ready' })
    forget(now.id)
    if (next) show(next)
  }

  async function remove(id: string): Promise<void> {
    for (const one of [renewalId(id), id]) {
      stop(one)
      const pack = (await kept.get(one)) ?? find(one)
      if (pack) await kept.remove(pack)
      forget(one)
    }
    await lookAtRoom()
  }

  async function removeOthers(): Promise<void> {
    for (const pack of all.value.filter((one) => !isMine(one, session.lastId))) await remove(pack.id)
  }

  /** The network is back, or the page was opened again: goes on with what was not stopped by hand. */
  async function resume(): Promise<void> {
    await ready()
    const waiting = ofMine.value.filter(({ state, trouble }) => state === 'loading' || (state === 'stopped' && trouble === 'network'))
    for (const { id } of waiting) await load(id)
  }

  /** The newest edition in the same size takes the place of an older one: of one that can be watched when it is whole, of a part of one at once. */
  async function renew(id: string): Promise<void> {
    const pack = find(id)
    if (!pack) return
    const lesson = await lessons.get(pack.lesson.id)
    const same = sameOffer(lesson, pack)
    if (!same) return
    if (pack.state !== 'ready') return begin(newPack(id, pack.ownerId, lesson, same, Date.now()))
    await change(id, (now) => afterLook(now, lesson))
    await lookAtRoom()
    if (whyNotRenew({ id, newBytes: same.bytes }) === null) await begin(newPack(renewalId(id), pack.ownerId, lesson, same, Date.now()))
  }

  /** What is loaded to take a pack's place. */
  function renewalOf(pack: Pack): Pack | null {
    return find(renewalId(pack.id)) ?? null
  }

  /** What the server says of a lesson now. */
  async function looked(lesson: Lesson): Promise<void> {
    await ready()
    if (lesson.playlist_url === null) return
    const ids = ofMine.value.filter((pack) => pack.lesson.id === lesson.id).map(({ id }) => id)
    for (const one of ids) {
      if (!find(one)) continue // what was to be renewed has gone with it
      await change(one, (pack) => afterLook(pack, lesson))
      const now = find(one)
      // The rest of an older edition is not to be had any more.
      if (now?.isOutdated && now.state !== 'ready') await renew(one)
    }
  }

  /** What the server knows of somebody's progress after a report: a kept lesson goes on from there. */
  async function told(userId: string, lessonId: string, progress: LessonProgress): Promise<void> {
    await ready()
    if (!known.value) return
    const id = packId(userId, lessonId)
    for (const one of [id, renewalId(id)]) await change(one, (pack) => ({ ...pack, lesson: { ...pack.lesson, ...progressOf(progress) } }))
  }

  /** Looks whether the lessons kept here were made again, or are there no more. */
  async function lookAll(): Promise<void> {
    await ready()
    for (const { id, lesson } of mine.value) {
      try {
        await looked(await lessons.get(lesson.id))
      } catch (error) {
        if (asApiError(error).code === 'not_found') await remove(id)
      }
    }
  }

  function limitTo(bytes: number): void {
    limitBytes.value = bytes
    remember(LIMIT, String(bytes))
  }

  return { mine, whole, known, othersBytes, total, limitBytes, free, ready, lookAtRoom, of, why, whyNotRenew, start, pause, load, remove, removeOthers, renew, renewalOf, resume, looked, told, lookAll, limitTo }
})
