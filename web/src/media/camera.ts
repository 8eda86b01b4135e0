// Opens the host's camera and microphone, switches between front and back, and lets go of both.

export type CameraProblem = 'denied' | 'missing' | 'busy' | 'insecure'

export class CameraUnavailable extends Error {
  constructor(readonly problem: CameraProblem) {
    super(problem)
    this.name = 'CameraUnavailable'
  }
}

export type Facing = 'user' | 'environment'

export type Devices = Pick<MediaDevices, 'getUserMedia' | 'enumerateDevices'>

/** 720p is what the bitrate of a village uplink can fill; a phone held upright turns it by itself. */
const VIDEO: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
}

const AUDIO: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
}

export class Camera {
  private opened: MediaStream | null = null
  private side: Facing

  constructor(
    facing: Facing = 'user',
    private readonly devices: Devices | undefined = navigator.mediaDevices as Devices | undefined,
  ) {
    this.side = facing
  }

  get stream(): MediaStream | null {
    return this.opened
  }

  get facing(): Facing {
    return this.side
  }

  async open(): Promise<MediaStream> {
    this.close()
    this.opened = await this.capture({ video: { ...VIDEO, facingMode: this.side }, audio: AUDIO })
    return this.opened
  }

  async canSwitch(): Promise<boolean> {
    const devices = (await this.devices?.enumerateDevices()) ?? []
    return devices.filter((device) => device.kind === 'videoinput').length > 1
  }

  /** Most phones can't open both cameras at once, so the old one is let go first. Returns the new track for the sender. */
  async switch(): Promise<MediaStreamTrack> {
    const stream = this.opened
    if (!stream) throw new CameraUnavailable('missing')
    const before = this.side
    this.side = before === 'user' ? 'environment' : 'user'
    for (const track of stream.getVideoTracks()) {
      track.stop()
      stream.removeTrack(track)
    }
    try {
      return await this.addVideo(stream)
    } catch (error) {
      this.side = before
      await this.addVideo(stream)
      throw error
    }
  }

  close(): void {
    this.opened?.getTracks().forEach((track) => track.stop())
    this.opened = null
  }

  private async addVideo(stream: MediaStream): Promise<MediaStreamTrack> {
    const fresh = await this.capture({ video: { ...VIDEO, facingMode: this.side } })
    const track = fresh.getVideoTracks()[0]
    if (!track) throw new CameraUnavailable('missing')
    stream.addTrack(track)
    return track
  }

  private async capture(constraints: MediaStreamConstraints): Promise<MediaStream> {
    // Browsers hide the camera from pages that didn't come over https or from localhost.
    if (!this.devices) throw new CameraUnavailable('insecure')
    try {
      return await this.devices.getUserMedia(constraints)
    } catch (error) {
      throw new CameraUnavailable(problemOf(error))
    }
  }
}

function problemOf(error: unknown): CameraProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  return name === 'NotFoundError' || name === 'OverconstrainedError' ? 'missing' : 'busy'
}
