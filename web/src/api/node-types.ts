// Shapes of server/PROTOCOL.md of who watches a broadcast, and through which media node.
import type { StreamState } from './room-types'

/** One encoding of the published pictures; bitrate 0: paused, width and height 0: not known yet. */
export interface LayerReport {
  rid: string
  bitrate: number
  width: number
  height: number
}

/** What comes in from the publisher, layers best first. */
export interface Ingest {
  bitrate: number
  loss: number
  b_frames: boolean
  /** `behind`: it waits on the media node's disk; `off`: nothing is kept at the moment. */
  recording: 'on' | 'behind' | 'off'
  layers: LayerReport[]
}

/** What the viewers of a stream get, over all media nodes. */
export interface Audience {
  viewers: number
  by_layer: Record<string, number>
  slides: number
  audio: number
  stalling: number
  /** 0…1, of the packets on their way to viewers. */
  loss: number
  ingest: Ingest | null
}

/** `no_answer`: it died a moment ago or can't be reached; `bad_answer`: something else answers there. */
export type NodeState = 'ok' | 'no_answer' | 'bad_answer'

export interface MediaNode {
  node_id: string
  state: NodeState
  draining: boolean
  publishers: number
  viewers: number
  sessions: number
  most_sessions: number
  /** The share of one core that it uses. */
  cpu: number
}

export interface StreamOnAir {
  slug: string
  title: string | null
  host_name: string | null
  /** The node that has the publisher. */
  node_id: string
  state: Exclude<StreamState, 'cancelled'>
  audience: Audience
}

/** One peer connection. `copy`: another node takes the stream, for its viewers. */
export interface MediaSession {
  node_id: string
  id: string
  kind: 'publisher' | 'viewer' | 'copy'
  slug: string
  state: 'connecting' | 'connected' | 'ending'
  age_seconds: number
  family: 4 | 6 | null
  transport: 'udp' | 'tcp' | null
  /** What a viewer gets now; empty: no moving pictures. */
  layer: string | null
  mode: 'auto' | 'layer' | 'slides' | 'audio' | null
  bitrate: number
  loss: number
  /** 0: not known, as of a host. */
  rtt_ms: number
  nacks: number
  stalling: boolean
}

export interface NodeBoard {
  items: MediaNode[]
  streams: StreamOnAir[]
  sessions: MediaSession[]
  /** Were left out: the least troubled ones. */
  more_sessions: number
}
