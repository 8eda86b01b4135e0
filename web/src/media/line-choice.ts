// Which line a viewer's picture comes over: WHEP at once, or HLS some seconds later where WHEP does not get through.

import type { PlayerState } from './whep-player'

export type Line = 'fast' | 'steady'
/** Why the picture comes over the steady line. */
export type SteadyReason = 'chosen' | 'fell_back'

/** ICE takes well under a second on lines that let it through; a viewer waits no longer for those that don't. */
const FIRST_PICTURE_PATIENCE_MS = 6_000
/** One refusal may be chance (a node that restarts); the second one is not. Twice as many after each time that the steady line carried nothing either. */
const REFUSALS_BORNE = 2
/** A try on a line that swallows everything takes ten seconds: more would keep who is back in the network without a picture for minutes. */
const MOST_REFUSALS_BORNE = 8
/** A line that has carried a picture is given more tries. */
const BREAKS_BORNE = 3
/** When nothing comes over the steady line either, it is not the line's fault. */
const STEADY_FAILURES_BORNE = 3
const FIRST_LOOK_BACK_MS = 60_000
const LONGEST_LOOK_BACK_MS = 600_000

/** Decides from what the players tell; whoever asks owns the timers. */
export class LineChoice {
  private hasPlayed = false
  private hasFallenBack = false
  private lookBackMs = FIRST_LOOK_BACK_MS
  private refusalsBorne = REFUSALS_BORNE
  /** This browser does not decode what the host sends, whatever the line does: there is nothing to change over to. */
  private undecodable = { fast: false, steady: false }
  line: Line
  reason: SteadyReason = 'chosen'

  constructor(
    wish: Line,
    private readonly canFast: boolean,
    /** Without any network nothing is the line's fault. */
    private readonly isOnline: () => boolean = () => navigator.onLine,
  ) {
    this.line = 'fast'
    this.choose(wish)
  }

  /** The viewer's own word. */
  choose(wish: Line): void {
    this.hasPlayed = this.hasFallenBack = false
    this.lookBackMs = FIRST_LOOK_BACK_MS
    this.forgetRefusals()
    this.undecodable = { fast: false, steady: false }
    this.line = wish
    this.reason = 'chosen'
    if (wish === 'fast' && !this.canFast) this.fallBack()
  }

  /** What the WHEP player says; answers whether the line changed. */
  fastSays(state: PlayerState): boolean {
    if (this.line !== 'fast') return false
    if (state.name === 'playing') {
      this.hasPlayed = true
      this.forgetRefusals()
    }
    if (cannotPlay(state)) this.undecodable.fast = true
    const tries = this.triesOf(state)
    const isGone = tries >= (this.hasPlayed ? BREAKS_BORNE : this.refusalsBorne)
    if (this.undecodable.steady || (!isGone && !cannotPlay(state))) return false
    this.fallBack()
    return true
  }

  /** How long a first picture is waited for: the longer, the more often the steady line carried nothing either. */
  get patienceMs(): number {
    return (FIRST_PICTURE_PATIENCE_MS * this.refusalsBorne) / REFUSALS_BORNE
  }

  /** The network is back, or the host: what did not get through before counts no more. */
  forgetRefusals(): void {
    this.refusalsBorne = REFUSALS_BORNE
  }

  /** No picture came within `patienceMs` although somebody publishes. */
  fastIsSlow(state: PlayerState): boolean {
    if (this.undecodable.steady) return false
    if (this.line !== 'fast' || this.hasPlayed || (state.name !== 'connecting' && state.name !== 'reconnecting')) return false
    this.fallBack()
    return true
  }

  /** What the HLS player says; answers whether the line changed. */
  steadySays(state: PlayerState): boolean {
    if (this.line !== 'steady' || this.reason === 'chosen' || !this.canFast) return false
    if (state.name === 'playing') this.forgetRefusals()
    if (cannotPlay(state)) this.undecodable.steady = true
    if (state.name !== 'failed' && this.triesOf(state) < STEADY_FAILURES_BORNE) return false
    if (this.undecodable.fast) return false
    this.refusalsBorne = Math.min(MOST_REFUSALS_BORNE, this.refusalsBorne * 2)
    this.fastWorks()
    return true
  }

  /** When to look whether the fast line works again; null: never, for that is what the viewer wants. */
  get lookBackInMs(): number | null {
    return this.line === 'steady' && this.reason === 'fell_back' && this.canFast ? this.lookBackMs : null
  }

  /** It was looked, in vain: the next look is later. */
  lookedInVain(): void {
    this.lookBackMs = Math.min(LONGEST_LOOK_BACK_MS, this.lookBackMs * 2)
  }

  fastWorks(): void {
    this.line = 'fast'
    this.reason = 'chosen'
    this.hasPlayed = false
  }

  private triesOf(state: PlayerState): number {
    return state.name === 'reconnecting' && this.isOnline() ? state.attempt : 0
  }

  /** A line that has played is looked at soon again; one that only seemed to work, later and later. */
  private fallBack(): void {
    if (this.hasPlayed) this.lookBackMs = FIRST_LOOK_BACK_MS
    else if (this.hasFallenBack) this.lookedInVain()
    this.hasFallenBack = true
    this.line = 'steady'
    this.reason = 'fell_back'
  }
}

const cannotPlay = (state: PlayerState): boolean => state.name === 'failed' && state.reason === 'cannot_play'
