// Plays a recorded lesson: HLS through hls.js, or by the browser itself; one state, told at its edges.
import type Hls from 'hls.js'
import type { ErrorData, Level } from 'hls.js'
import { beginAt } from '@/media/hls-start'
import { countLoaded } from '@/media/loaded-bytes'
import { qualityOf, type Quality } from './quality'

export type VodState =
  | { kind: 'idle' }
  | { kind: 'loading' }
  | { kind: 'playing' }
  | { kind: 'paused' }
  | { kind: 'buffering' }
  | { kind: 'ended' }
  | { kind: 'failed'; reason: string }

export interface VodListeners {
  state: (state: VodState) => void
  /** What can be chosen; empty where the browser chooses by itself. */
  qualities: (qualities: number[]) => void
  /** So much came over the line; not told where the browser plays by itself. */
  loaded: (bytes: number) => void
}

const HLS_TYPE = 'application/vnd.apple.mpegurl'
const BUFFER_SECONDS = 20 // what is fetched and not watched was paid for nothing
const BACK_BUFFER_SECONDS = 30 // a cheap phone has little memory

/** A level's folder is called as its rendition. */
function qualityOfLevel({ url, height }: Level): number {
  return qualityOf({ name: url[0]?.split('/').at(-2) ?? '', height: height || 0 })
}

export class VodPlayer {
  private hls: Hls | null = null
  private url = ''
  private quality: Quality = 'auto'
  private most: Quality | null = null
  private recovered = false
  private held = false
  private generation = 0
  /** Where it is to begin, until it plays there; the video says 0 so long. */
  private beginsAt: number | null = null
  private current: VodState = { kind: 'idle' }
  private readonly events: [string, () => void][] = [
    ['playing', () => this.onPlaying()],
    ['pause', () => this.current.kind !== 'failed' && !this.video.ended && this.setState({ kind: 'paused' })],
    ['waiting', () => this.current.kind === 'playing' && this.setState({ kind: 'buffering' })],
    ['ended', () => this.setState({ kind: 'ended' })],
    ['error', () => !this.hls && this.fail(`media ${this.video.error?.code ?? 0}`)],
  ]

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly listeners: VodListeners,
  ) {
    for (const [name, listener] of this.events) video.addEventListener(name, listener)
  }

  get state(): VodState {
    return this.current
  }

  /** Where the picture is, or is going to be. */
  get placeMs(): number {
    return (this.beginsAt ?? this.video.currentTime) * 1000
  }

  /** Whether the picture has come to where it was to begin. */
  get hasBegun(): boolean {
    return this.beginsAt === null
  }

  /** Nothing is loaded before it is released. */
  get isHeld(): boolean {
    return this.held
  }

  /** Opens a playlist and plays from a place on its timeline. */
  async start(url: string, atMs: number, quality: Quality): Promise<void> {
    this.url = url
    this.quality = quality
    this.recovered = false
    this.held = false
    this.beginsAt = atMs / 1000
    this.setState({ kind: 'loading' })
    this.video.load() // iPhones allow sound later only if the tap itself touched the video
    await this.load()
  }

  /** The same again where it stopped; also with a better playlist of the same lesson. */
  async restart(url = this.url): Promise<void> {
    await this.start(url, this.placeMs, this.quality)
  }

  play(): void {
    if (this.current.kind === 'failed') void this.restart()
    else this.video.play().catch(() => this.setState({ kind: 'paused' })) // the browser wants a tap first
  }

  pause(): void {
    this.video.pause()
  }

  toggle(): void {
    if (this.video.paused || this.current.kind === 'failed') this.play()
    else this.pause()
  }

  seek(ms: number): void {
    const end = Number.isFinite(this.video.duration) ? this.video.duration : Number.POSITIVE_INFINITY
    const at = Math.min(Math.max(0, ms / 1000), Math.max(0, end - 0.1))
    if (this.beginsAt !== null) {
      this.beginsAt = at
      if (this.hls) beginAt(this.hls, at)
    }
    this.video.currentTime = at
  }

  choose(quality: Quality): void {
    this.quality = quality
    if (this.hls) this.hls.nextLevel = this.levelOf(this.hls.levels)
  }

  /** What it chooses by itself is no better than this; null: what the line carries. */
  bound(most: Quality | null): void {
    this.most = most
    if (this.hls) this.keepBelow(this.hls)
  }

  /** Nothing more is loaded until it is released. */
  hold(): void {
    this.held = true
    this.video.pause()
    this.hls?.stopLoad()
  }

  release(): void {
    this.held = false
    this.hls?.startLoad(this.placeMs / 1000)
    this.play()
  }

  destroy(): void {
    this.generation += 1
    for (const [name, listener] of this.events) this.video.removeEventListener(name, listener)
    this.unload()
  }

  private onPlaying(): void {
    this.beginsAt = null
    this.setState({ kind: 'playing' })
  }

  private async load(): Promise<void> {
    this.unload()
    this.generation += 1
    const mine = this.generation
    try {
      // The smaller build knows no sound of its own beside the pictures.
      const { default: HlsLibrary } = await import('hls.js')
      if (mine !== this.generation) return
      if (HlsLibrary.isSupported()) this.loadWithLibrary(HlsLibrary)
      else if (this.video.canPlayType(HLS_TYPE)) this.loadNatively()
      else this.fail('no hls')
    } catch {
      if (mine === this.generation) this.fail('player not loaded')
    }
  }

  private loadNatively(): void {
    this.video.src = this.url
    this.video.addEventListener('loadedmetadata', () => (this.video.currentTime = this.placeMs / 1000), { once: true })
    this.listeners.qualities([])
    this.play()
  }

  private loadWithLibrary(HlsLibrary: typeof Hls): void {
    const hls = new HlsLibrary({
      startPosition: this.placeMs / 1000,
      maxBufferLength: BUFFER_SECONDS,
      maxMaxBufferLength: BUFFER_SECONDS, // or it would fetch 60 MB ahead, which of a small picture is all of it
      backBufferLength: BACK_BUFFER_SECONDS,
      capLevelToPlayerSize: true,
      enableWorker: false, // fMP4 needs no remuxing worth a thread
    })
    this.hls = hls
    hls.on(HlsLibrary.Events.MANIFEST_PARSED, (_event, { levels }) => {
      this.listeners.qualities(levels.length > 1 ? levels.map(qualityOfLevel) : [])
      this.keepBelow(hls)
      const level = this.levelOf(levels)
      if (level >= 0) hls.currentLevel = level
      this.play()
    })
    countLoaded(hls, HlsLibrary, this.listeners.loaded)
    hls.on(HlsLibrary.Events.ERROR, (_event, data) => this.onHlsError(HlsLibrary, data))
    hls.loadSource(this.url)
    hls.attachMedia(this.video)
  }

  private onHlsError(HlsLibrary: typeof Hls, data: ErrorData): void {
    if (!data.fatal) return
    if (data.type === HlsLibrary.ErrorTypes.MEDIA_ERROR && !this.recovered) {
      this.recovered = true
      this.hls?.recoverMediaError()
      return
    }
    this.fail(data.details)
  }

  /** The library's own bound, by the size of the picture, is set anew with each turn of the phone: it gives way to ours. */
  private keepBelow(hls: Hls): void {
    const index = this.most === null ? -1 : hls.levels.findIndex((level) => qualityOfLevel(level) === this.most)
    const bySize = hls.capLevelToPlayerSize ? hls.autoLevelCapping : -1
    hls.capLevelToPlayerSize = index < 0
    if (index >= 0) hls.autoLevelCapping = bySize < 0 ? index : Math.min(bySize, index)
  }

  private levelOf(levels: readonly Level[]): number {
    return this.quality === 'auto' ? -1 : levels.findIndex((level) => qualityOfLevel(level) === this.quality)
  }

  private fail(reason: string): void {
    this.video.pause()
    this.setState({ kind: 'failed', reason })
  }

  private unload(): void {
    this.hls?.destroy()
    this.hls = null
    if (this.video.hasAttribute('src')) {
      this.video.removeAttribute('src')
      this.video.load()
    }
  }

  private setState(next: VodState): void {
    if (next.kind === this.current.kind) return
    this.current = next
    this.listeners.state(next)
  }
}
