"""What this node's viewers get and what its publishers send: for the leases, and session by session for operators."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Iterable

from config.bus import Payload
from media.publisher import Publisher
from media.resource import Resource
from media.rtp.choice import MAIN_RID, Mode
from media.stream import Stream
from media.viewer import Viewer

PIECE = 64  # sessions that are looked at before packets have their turn again


def is_person(resource: Resource) -> bool:
    """Whether a viewer is connected there; a copy that another node takes is none."""
    return resource.viewer is not None and not resource.is_copy and resource.session.is_connected


class Tally:
    """What the viewers of one stream get, counted one by one."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._layers: Counter[str] = Counter()
        self._modes: Counter[Mode] = Counter()
        self._lost: list[float] = []
        self._stalling = 0
        self._bits_per_second = 0

    def add(self, viewer: Viewer, now: float) -> None:
        """One of them."""
        mode = viewer.choice.mode
        self._modes[mode] += 1
        if mode not in (Mode.SLIDES, Mode.AUDIO):
            self._layers[_rid(viewer.selected)] += 1
        self._lost.append(viewer.fraction_lost)
        self._stalling += viewer.is_stalling(now)
        self._bits_per_second += viewer.bits_per_second

    def lease(self, node_id: str, *, is_origin: bool) -> Payload:
        """`audience:{stream_id}:{node_id}` (PROTOCOL.md)."""
        lost = sorted(self._lost)
        value: Payload = {
            "node_id": node_id,
            "viewers": len(lost),
            "by_layer": dict(self._layers),
            "slides": self._modes[Mode.SLIDES],
            "audio": self._modes[Mode.AUDIO],
            "stalling": self._stalling,
            "loss": round(sum(lost) / len(lost), 4) if lost else 0.0,
            "loss_median": round(lost[len(lost) // 2], 4) if lost else 0.0,
            "loss_worst": round(lost[-1], 4) if lost else 0.0,
            "bitrate_out": self._bits_per_second,
        }
        if is_origin:
            value["ingest"] = ingest_of(self.stream)
        return value


def ingest_of(stream: Stream) -> Payload:
    """What the publisher sends."""
    publisher = stream.publisher
    layers = stream.layers()
    return {
        "bitrate": _bits_of(stream),
        "loss": round(lost_of(publisher), 4) if publisher is not None else 0.0,
        "b_frames": publisher is not None and publisher.has_b_frames,
        "recording": stream.recording.value,
        "layers": [
            {"rid": _rid(x.rid), "bitrate": x.bits_per_second, "width": x.width, "height": x.height} for x in layers
        ],
    }


def session_figures(resource: Resource, streams: Iterable[Stream]) -> Payload:
    """One session, as `GET /internal/sessions` shows it."""
    session, viewer = resource.session, resource.viewer
    address = session.path.address
    way = session.path.way
    sent_to = (s for s in streams if s.publisher is not None and s.publisher.session is session)
    own = next(sent_to, None) if resource.is_publisher else None
    now = time.monotonic()
    return {
        "id": session.id.partition(".")[0] + "." + session.id.rpartition(".")[2][:6],  # not enough to speak for it
        "kind": "publisher" if resource.is_publisher else "copy" if resource.is_copy else "viewer",
        "slug": resource.slug,
        "state": "connected" if session.is_connected else "connecting" if session.is_connecting else "ending",
        "age_seconds": round(now - session.started_at, 1),
        "family": _family(address),
        "transport": None if address is None else "tcp" if way.fd < 0 else "udp",
        "layer": viewer.selected if viewer is not None else None,
        "mode": viewer.choice.mode.value if viewer is not None else None,
        "bitrate": viewer.bits_per_second if viewer is not None else _bits_of(own),
        "loss": round(viewer.fraction_lost if viewer is not None else lost_of(own.publisher if own else None), 4),
        "rtt_ms": round(viewer.rtt_seconds * 1000) if viewer is not None else 0,  # a host's only he himself knows
        "nacks": viewer.nacks if viewer is not None else 0,
        "stalling": viewer is not None and viewer.is_stalling(now),
    }


def _bits_of(stream: Stream | None) -> int:
    """What comes from a stream's publisher, in pictures."""
    return sum(layer.bits_per_second for layer in stream.layers()) if stream is not None else 0


def lost_of(publisher: Publisher | None) -> float:
    """The share of a publisher's packets that did not come lately."""
    return publisher.fraction_lost if publisher else 0.0


def _rid(rid: str) -> str:
    return "" if rid == MAIN_RID else rid


def _family(address: object) -> int | None:
    if not isinstance(address, tuple) or not address:
        return None
    parsed = ipaddress.ip_address(str(address[0]).partition("%")[0])
    mapped = isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None
    return 4 if mapped else parsed.version
