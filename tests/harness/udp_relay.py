"""A UDP relay between a browser and the node, which stands for a network that can be cut."""

from __future__ import annotations

import asyncio
import socket
from typing import Any


class UdpRelay:
    """Passes datagrams on between each sender and the node; between `start()` and `close()`."""

    def __init__(self, port: int) -> None:
        self.is_cut = False
        self._target = ("127.0.0.1", port)
        self._front = _socket()
        self._front.bind(("127.0.0.1", 0))
        self._ends: dict[Any, socket.socket] = {}  # by client

    @property
    def port(self) -> int:
        """Where clients send to."""
        return int(self._front.getsockname()[1])

    def start(self) -> None:
        """Begin to read."""
        asyncio.get_running_loop().add_reader(self._front, self._from_clients)

    def close(self) -> None:
        """Close every socket."""
        for sock in (self._front, *self._ends.values()):
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()

    def _from_clients(self) -> None:
        data, client = self._front.recvfrom(2048)
        if self.is_cut:
            return
        end = self._ends.get(client)
        if end is None:
            end = self._ends[client] = _socket()
            end.connect(self._target)
            asyncio.get_running_loop().add_reader(end, self._from_node, end, client)
        end.send(data)

    def _from_node(self, end: socket.socket, client: Any) -> None:
        data = end.recv(2048)
        if not self.is_cut:
            self._front.sendto(data, client)


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    return sock
