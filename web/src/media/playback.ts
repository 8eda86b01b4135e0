// Keeps a <video> playing: without sound where that needs a tap, from the next tap on where the picture needs one, too.

export interface PlaybackOptions {
  readonly video: Pick<HTMLVideoElement, 'muted' | 'play'> & Partial<Pick<HTMLVideoElement, 'paused' | 'ended'>>
  /** There is something to play. */
  readonly mayPlay: () => boolean
  /** The browser refused sound without a tap: the picture plays on, muted. */
  readonly onSoundRefused?: (() => void) | undefined
  /** The browser refuses to play at all (a phone that saves its battery): somebody has to tap. */
  readonly onTapNeeded?: ((needed: boolean) => void) | undefined
}

/** When a browser that refused to play, or put a pause (a call, the screen's lock), may let it go on. */
const MOMENTS = ['pointerup', 'keydown', 'visibilitychange'] as const

export class Playback {
  private needed = false
  private over = false
  private readonly onMoment = () => this.takeUp()

  constructor(private readonly options: PlaybackOptions) {
    for (const moment of MOMENTS) document.addEventListener(moment, this.onMoment)
  }

  get tapNeeded(): boolean {
    return this.needed
  }

  async play(): Promise<void> {
    const { video } = this.options
    try {
      await video.play()
      this.need(false)
    } catch (error) {
      if (this.over || !(error instanceof DOMException) || error.name !== 'NotAllowedError') return
      if (video.muted) return this.need(true)
      video.muted = true
      this.options.onSoundRefused?.()
      await this.play()
    }
  }

  /** Nobody pauses a broadcast here: what stands still goes on. */
  takeUp(): void {
    const { video, mayPlay } = this.options
    if (!document.hidden && video.paused && !video.ended && mayPlay()) void this.play()
  }

  destroy(): void {
    this.need(false)
    this.over = true
    for (const moment of MOMENTS) document.removeEventListener(moment, this.onMoment)
  }

  private need(needed: boolean): void {
    if (this.over || needed === this.needed) return
    this.needed = needed
    this.options.onTapNeeded?.(needed)
  }
}
