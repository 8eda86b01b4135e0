"""What a node says of itself in the registry, and shows to operators."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from config.bus import Payload
from config.settings import MediaSettings
from media.cluster.figures import PIECE, Tally, is_person, session_figures
from media.cluster.load import CpuShare
from media.cluster.registry import Registry
from media.events import Outbox
from media.metrics import LAYERS, Snapshot
from media.recording.health import Health
from media.sessions import Sessions
from media.stream import Stream, StreamState
from media.transport.addresses import interface_addresses

EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 -- recognised, not served


class House(Protocol):
    """The node, as far as it is shown."""

    settings: MediaSettings
    is_draining: bool
    streams: dict[str, Stream]
    given_up: set[str]
    sessions: Sessions
    outbox: Outbox
    registry: Registry
    http_port: int

    @property
    def udp_port(self) -> int: ...
    def all_streams(self) -> list[Stream]: ...
    def let_go(self, slug: str) -> None: ...


class Presence:
    """Reads a node; changes it only when a stream is lost."""

    def __init__(self, node: House) -> None:
        self._node = node
        self.cpu = CpuShare(time.monotonic(), time.process_time())

    # -- leases

    def own_lease(self) -> Payload:
        """`node:{node_id}`."""
        node, settings = self._node, self._node.settings
        seen = self.snapshot()
        return {
            "node_id": settings.node_id,
            "boot": node.registry.boot,
            "http_port": node.http_port,
            "udp_port": node.udp_port,
            "internal_url": internal_url(settings, node.http_port),
            "public_url": settings.media_node_url.rstrip("/"),
            "publishers": seen.publishers,
            "viewers": seen.viewers,
            "sessions": seen.sessions,
            "most_sessions": settings.max_sessions,
            "cpu": round(self.cpu.look(time.monotonic(), time.process_time()), 3),
            "is_draining": node.is_draining,
        }

    def stream_leases(self) -> Mapping[str, Payload]:
        """`stream:{slug}`, by slug."""
        node = self._node
        return {slug: self.about(s) for slug, s in node.streams.items() if slug not in node.given_up}

    def about(self, stream: Stream) -> Payload:
        """`stream:{slug}` of one stream."""
        listed = stream.listed
        return {
            "node_id": self._node.settings.node_id,
            "stream_id": stream.stream_id,
            "room_id": stream.room_id,
            "state": stream.state.value,
            "turn": stream.turn.number,
            "first_sequence": listed.start if listed else stream.turn.first_sequence,
            "next_sequence": listed.stop if listed else stream.turn.next_sequence,
            "kinds": sorted(stream.published),
            "layers": list(stream.published["video"].rids) if "video" in stream.published else [],
        }

    async def figure_leases(self) -> Mapping[str, Payload]:
        """`audience:{stream_id}:{node_id}`, by name. Gives way to packets while it counts."""
        node = self._node
        node_id = node.settings.node_id
        tallies = {stream.slug: Tally(stream) for stream in node.all_streams()}
        now = time.monotonic()
        for number, resource in enumerate(list(node.sessions.resources.values()), 1):
            tally = tallies.get(resource.slug)
            if tally is not None and resource.viewer is not None and is_person(resource):
                tally.add(resource.viewer, now)
            if number % PIECE == 0:
                await asyncio.sleep(0)
        return {
            f"audience:{tally.stream.stream_id}:{node_id}": tally.lease(
                node_id, is_origin=node.streams.get(slug) is tally.stream
            )
            for slug, tally in tallies.items()
        }

    def lost_stream(self, slug: str, node_id: str) -> None:
        """Another node has this stream now."""
        self._node.let_go(slug)

    # -- for operators

    def snapshot(self) -> Snapshot:
        """What is there right now."""
        node = self._node
        streams = list(node.streams.values())
        copies = node.sessions.copies.total()
        states = {state.value: sum(s.state == state for s in streams) for state in StreamState}
        return Snapshot(
            sessions=len(node.sessions.resources),
            publishers=sum(s.publisher is not None for s in streams),
            viewers=sum(len(s.viewers) for s in node.all_streams()) - copies,
            copies_given=copies,
            copies_taken=len(node.all_streams()) - len(streams),
            streams=states,
            recordings={health.value: sum(s.recording == health for s in streams) for health in Health},
            spool_free_bytes=_free_bytes(node.settings.spool_folder),
            layers=_bitrates(streams),
            events_waiting=node.outbox.waiting,
            events_lost=node.outbox.lost,
        )

    async def sessions(self) -> list[Payload]:
        """Every session, oldest first. Gives way to packets while it counts."""
        streams = self._node.all_streams()
        found = []
        for number, resource in enumerate(list(self._node.sessions.resources.values()), 1):
            found.append(session_figures(resource, streams))
            if number % PIECE == 0:
                await asyncio.sleep(0)
        return found


def _free_bytes(folder: str) -> int:
    """What a folder's disk still holds; 0 while there is no such folder."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _bitrates(streams: Iterable[Stream]) -> dict[str, int]:
    """What comes in from publishers, by layer."""
    found: dict[str, int] = {}
    for stream in streams:
        for place, layer in zip(LAYERS, stream.layers(), strict=False):
            found[place] = found.get(place, 0) + layer.bits_per_second
    return found


def internal_host(settings: MediaSettings) -> str:
    """Where the port for other nodes listens: only on this machine if they all are here."""
    host = urlsplit(settings.media_internal_url).hostname
    return host if host in ("127.0.0.1", "::1") else settings.media_host


def internal_url(settings: MediaSettings, http_port: int) -> str:
    """Where other nodes reach this one's own HTTP port."""
    if settings.media_internal_url:
        return settings.media_internal_url.rstrip("/")
    host = settings.media_host
    if host in EVERY_ADDRESS:
        host = next(iter(interface_addresses()), "127.0.0.1")
    shown = f"[{host}]" if ":" in host else host
    return urlsplit(f"http://{shown}:{http_port}").geturl()
