// How loud the microphone is, ten times a second, as 0…1 on a scale that matches hearing.

const INTERVAL_MS = 100
/** Speech at arm's length reaches about -25 dBFS; -60 is a quiet room. */
const FLOOR_DB = -60

export function levelOf(samples: Float32Array): number {
  if (samples.length === 0) return 0
  let sum = 0
  for (const sample of samples) sum += sample * sample
  const db = 10 * Math.log10(sum / samples.length + 1e-12)
  return Math.min(1, Math.max(0, (db - FLOOR_DB) / -FLOOR_DB))
}

export class SoundLevel {
  private readonly context: AudioContext
  private readonly source: MediaStreamAudioSourceNode
  private readonly analyser: AnalyserNode
  private readonly timer: ReturnType<typeof setInterval>

  constructor(stream: MediaStream, onLevel: (level: number) => void) {
    this.context = new AudioContext()
    this.source = this.context.createMediaStreamSource(stream)
    this.analyser = this.context.createAnalyser()
    this.analyser.fftSize = 1024
    this.source.connect(this.analyser)
    const samples = new Float32Array(this.analyser.fftSize)
    this.timer = setInterval(() => {
      this.analyser.getFloatTimeDomainData(samples)
      onLevel(levelOf(samples))
    }, INTERVAL_MS)
  }

  /** A context that began before any tap stays silent until a tap wakes it. */
  resume(): void {
    if (this.context.state === 'suspended') void this.context.resume()
  }

  destroy(): void {
    clearInterval(this.timer)
    this.source.disconnect()
    void this.context.close()
  }
}
