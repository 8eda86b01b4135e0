"""A bad network between a browser and a media node: a UDP port that loses and throttles what goes to the browser."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Any

TICK_SECONDS = 0.005
QUEUE_SECONDS = 0.3  # what a home router holds back before it drops


class _Towards(asyncio.DatagramProtocol):
    """The proxy's socket that the node sees as one browser."""

    def __init__(self, proxy: UdpProxy, client: Any) -> None:
        self._proxy = proxy
        self._client = client

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._proxy.downwards(data, self._client)


class UdpProxy(asyncio.DatagramProtocol):
    """Forwards both ways. Towards the browser it loses a share, and carries no more than `bits_per_second`."""

    def __init__(self, node_port: int, seed: int = 1) -> None:
        self.loss = 0.0
        self.bits_per_second: float | None = None
        self.carried = 0
        self.lost = 0
        self._node = ("127.0.0.1", node_port)
        self._random = random.Random(seed)
        self._queue: deque[tuple[bytes, Any]] = deque()
        self._queued_bits = 0
        self._budget = 0.0
        self._up: dict[Any, asyncio.DatagramTransport] = {}
        self._waiting: dict[Any, list[bytes]] = {}
        self._down: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> UdpProxy:
        loop = asyncio.get_running_loop()
        self._down, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))
        self._start(self._drain())
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in (*self._up.values(), self._down):
            if transport is not None:
                transport.close()
        await asyncio.sleep(0)

    @property
    def port(self) -> int:
        assert self._down is not None
        return int(self._down.get_extra_info("sockname")[1])

    def _start(self, run: Any) -> None:
        task = asyncio.create_task(run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """From a browser."""
        transport = self._up.get(addr)
        if transport is not None:
            transport.sendto(data)
        elif addr in self._waiting:
            self._waiting[addr].append(data)
        else:
            self._waiting[addr] = [data]
            self._start(self._open(addr))

    async def _open(self, client: Any) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Towards(self, client), remote_addr=self._node)
        self._up[client] = transport
        for data in self._waiting.pop(client):
            transport.sendto(data)

    def downwards(self, data: bytes, client: Any) -> None:
        """From the node."""
        if self._random.random() < self.loss:
            self.lost += 1
        elif self.bits_per_second is None:
            self._send(data, client)
        elif self._queued_bits > self.bits_per_second * QUEUE_SECONDS:
            self.lost += 1
        else:
            self._queue.append((data, client))
            self._queued_bits += 8 * len(data)

    def _send(self, data: bytes, client: Any) -> None:
        self.carried += len(data)
        if self._down is not None:
            self._down.sendto(data, client)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = loop.time()
            rate = self.bits_per_second
            self._budget = self._budget + (now - before) * (rate or 1e9) if self._queue else 0.0
            before = now
            while self._queue and (self._budget > 0 or rate is None):
                data, client = self._queue.popleft()
                self._queued_bits -= 8 * len(data)
                self._budget -= 8 * len(data)
                self._send(data, client)
