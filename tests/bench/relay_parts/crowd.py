"""The publisher and the viewers of one row: joined with few at a time, kept alive, and closed."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from types import TracebackType
from typing import Self

import aiohttp

from tests.bench.relay_parts.native import Native, Publisher, Receiver
from tests.bench.relay_parts.peer import (
    PUBLISHER_OFFER,
    PUBLISHER_PAYLOAD_TYPES,
    PUBLISHER_SSRCS,
    VIEWER_OFFER,
    Identity,
    Peer,
    PeerFailed,
)

AT_ONCE = 16  # viewers who are connecting at the same time, and connections kept open to the node
CONSENT_SECONDS = 5.0  # RFC 7675: about every five seconds
CONSENT_TICK_SECONDS = 0.05


class Crowd:
    """All peers of one media process. An async context: at its end threads are joined and sockets closed."""

    def __init__(
        self, native: Native, url: str, slug: str, key: str, most_viewers: int, *, whole_frames: bool = False
    ) -> None:
        self.receiver = Receiver(native, most_viewers)
        self.publisher: Publisher | None = None
        self.problems: list[str] = []
        self._native = native
        self._whole_frames = whole_frames
        self._url, self._slug, self._key = url, slug, key
        self._identity = Identity()
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE), trust_env=False)
        self._peers: list[Peer] = []
        self._consent = asyncio.create_task(self._keep_consent())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consent.cancel()
        with suppress(asyncio.CancelledError):
            await self._consent
        if self.publisher is not None:
            self.publisher.close()
        self.receiver.close()
        for peer in self._peers:
            peer.close()
        await self._http.close()

    async def connect_publisher(self) -> Publisher:
        """A host who is connected and says nothing yet."""
        peer = Peer(self._identity)
        self._peers.append(peer)
        await peer.connect(self._http, f"{self._url}/whip/{self._slug}", PUBLISHER_OFFER, self._key)
        assert peer.outbound is not None
        self.publisher = Publisher(self._native, peer.socket, PUBLISHER_SSRCS, PUBLISHER_PAYLOAD_TYPES, peer.outbound)
        self.receiver.watch(self.publisher)
        return self.publisher

    async def join(self, viewers: int) -> int:
        """So many viewers come; answers how many are connected. What went wrong stands in `problems`."""
        room = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._join_one(room)) for _ in range(viewers)]
        return sum(task.result() for task in tasks)

    async def _join_one(self, room: asyncio.Semaphore) -> bool:
        async with room:
            peer = Peer(self._identity)
            try:
                await peer.connect(self._http, f"{self._url}/whep/{self._slug}", VIEWER_OFFER)
            except (PeerFailed, aiohttp.ClientError, OSError) as error:
                peer.close()
                self.problems.append(str(error))
                return False
            assert peer.answer is not None
            assert peer.inbound is not None
            self._peers.append(peer)
            if self._whole_frames:
                peer.take_whole_frames()
            self.receiver.add(peer.socket, peer.answer.ssrcs, peer.inbound, peer.outbound)
            return True

    async def _keep_consent(self) -> None:
        """Each peer sends a check every few seconds; a little later when the machine is busy."""
        for tick in itertools.count():
            await asyncio.sleep(CONSENT_TICK_SECONDS)
            ticks = round(CONSENT_SECONDS / CONSENT_TICK_SECONDS)
            for peer in self._peers[tick % ticks :: ticks]:
                if peer.answer is not None:
                    with suppress(OSError):  # the node is gone, or the socket full: the next check comes
                        peer.send_check()
