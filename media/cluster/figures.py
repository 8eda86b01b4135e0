"""What this node's viewers get and what its publishers send: for the leases, and session by session for operators."""

from __future__ import annotations

import ipaddress
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from config.bus import Payload
from media.publisher import Publisher
from media.resource import Resource
from media.rtp.choice import MAIN_RID, Mode
from media.stream import Stream


def people(resources: Iterable[Resource]) -> list[Resource]:
    """The sessions of connected viewers; copies that other nodes take are none."""
    return [r for r in resources if r.viewer is not None and not r.is_copy and r.session.is_connected]


def audience_of(node_id: str, stream: Stream, watching: Sequence[Resource], is_origin: bool) -> Payload:
    """The lease `audience:{stream_id}:{node_id}` (PROTOCOL.md)."""
    now = time.monotonic()
    viewers = [resource.viewer for resource in watching if resource.viewer is not None]
    lost = sorted(viewer.fraction_lost for viewer in viewers)
    modes = Counter(viewer.choice.mode for viewer in viewers)
    layers = Counter(_rid(v.selected) for v in viewers if v.choice.mode not in (Mode.SLIDES, Mode.AUDIO))
    value: Payload = {
        "node_id": node_id,
        "viewers": len(viewers),
        "by_layer": dict(layers),
        "slides": modes[Mode.SLIDES],
        "audio": modes[Mode.AUDIO],
        "stalling": sum(viewer.is_stalling(now) for viewer in viewers),
        "loss": round(statistics.fmean(lost), 4) if lost else 0.0,
        "loss_median": round(statistics.median(lost), 4) if lost else 0.0,
        "loss_worst": round(lost[-1], 4) if lost else 0.0,
        "bitrate_out": sum(viewer.bits_per_second for viewer in viewers),
    }
    if is_origin:
        value["ingest"] = ingest_of(stream)
    return value


def ingest_of(stream: Stream) -> Payload:
    """What the publisher sends."""
    publisher = stream.publisher
    layers = stream.layers()
    return {
        "bitrate": sum(layer.bits_per_second for layer in layers),
        "loss": round(lost_of(publisher), 4) if publisher is not None else 0.0,
        "b_frames": publisher is not None and publisher.has_b_frames,
        "layers": [
            {"rid": _rid(x.rid), "bitrate": x.bits_per_second, "width": x.width, "height": x.height} for x in layers
        ],
    }


def session_figures(resource: Resource, streams: Iterable[Stream]) -> Payload:
    """One session, as `GET /internal/sessions` shows it."""
    session, viewer = resource.session, resource.viewer
    address = session.path.address
    way = session.path.way
    publisher = next((s.publisher for s in streams if s.publisher and s.publisher.session is session), None)
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
        "bitrate": viewer.bits_per_second if viewer is not None else 0,
        "loss": round(viewer.fraction_lost if viewer is not None else lost_of(publisher), 4),
        "rtt_ms": round(viewer.rtt_seconds * 1000) if viewer is not None else 0,  # a host's only he himself knows
        "nacks": viewer.nacks if viewer is not None else 0,
        "stalling": viewer is not None and viewer.is_stalling(now),
    }


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
