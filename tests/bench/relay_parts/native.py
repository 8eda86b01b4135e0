"""The C part of the benchmark, compiled when it starts: a publisher, viewers who count, and the limit."""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pylibsrtp
from cffi import FFI
from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib as srtp

HERE = Path(__file__).parent
HEADER = (HERE / "load.h").read_text()
SOURCES = ("load.c", "limit.c")
MOST_DELAYS = 500_000
ONE_IN = 200  # packets of which one is decrypted
VIDEO, AUDIO = 0, 1
WINDOW_SECONDS = 2.0  # the receiver looks at its orders at least every 5 ms
JOIN_SECONDS = 10.0


class NoCompiler(Exception):
    """The machine has no C compiler."""


def compile_library(folder: Path) -> Path:
    """Compile the C files; the platform itself needs no compiler, only this benchmark does.

    Raises:
        NoCompiler: there is none.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompiler("this benchmark needs a C compiler (cc), e.g. from the package gcc; the platform needs none")
    library = folder / "load.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), *(str(HERE / name) for name in SOURCES)]
    subprocess.run(command, check=True, timeout=60)
    return library


def make_session(key: bytes, *, is_inbound: bool) -> pylibsrtp.Session:
    """An AES-128-GCM context for one direction."""
    policy = pylibsrtp.Policy
    kind = policy.SSRC_ANY_INBOUND if is_inbound else policy.SSRC_ANY_OUTBOUND
    profile = policy.SRTP_PROFILE_AEAD_AES_128_GCM
    return pylibsrtp.Session(policy(key=key, ssrc_type=kind, srtp_profile=profile))


class Native:
    """The compiled library, and libsrtp's functions as addresses that it can call."""

    def __init__(self, library: Path) -> None:
        self.ffi = FFI()
        self.ffi.cdef(HEADER)
        self.library = library
        self.lib: Any = self.ffi.dlopen(str(library))

    def srtp(self, name: str) -> Any:
        """One of libsrtp's functions, as the C code takes it."""
        address = int(srtp_ffi.cast("intptr_t", srtp_ffi.addressof(srtp, name)))
        return self.ffi.cast("int (*)(void *, void *, int *)", address)

    def context(self, session: pylibsrtp.Session) -> Any:
        """The context that a session owns; the session must outlive it."""
        return self.ffi.cast("void *", int(srtp_ffi.cast("intptr_t", session._srtp[0])))


@dataclass(frozen=True, slots=True)
class TrackCount:
    """What one viewer has of one track: in all, and between the opening and the closing of the window."""

    received: int
    duplicates: int
    window_received: int
    window_advance: int | None  # by how much the sequence numbers went on; None: nothing had come before


@dataclass(frozen=True, slots=True)
class ViewerCount:
    """What one viewer has."""

    tracks: tuple[TrackCount, TrackCount]
    rtcp: int
    stun: int
    repairs: int


class Receiver:
    """Viewers' sockets, read by one thread at C speed. `close()` ends the thread; the sockets are their owner's."""

    def __init__(self, native: Native, most_viewers: int) -> None:
        self._native = native
        self._keep: list[object] = []
        self._viewers: Any = native.ffi.new("struct viewer[]", max(1, most_viewers))
        self._delays: Any = native.ffi.new("uint32_t[]", MOST_DELAYS)
        self._epoll = select.epoll()
        self._state: Any = native.ffi.new("struct receiver *")
        state: Any = self._state
        state.viewers, state.epoll, state.one_in = self._viewers, self._epoll.fileno(), ONE_IN
        state.delays_us, state.most_delays = self._delays, MOST_DELAYS
        state.unprotect, state.protect_rtcp = native.srtp("srtp_unprotect"), native.srtp("srtp_protect_rtcp")
        self._thread = threading.Thread(target=native.lib.receive, args=(state,), name="receiver", daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        """How many viewers it reads for."""
        return int(self._state.count)

    @property
    def checked(self) -> int:
        """How many packets were decrypted."""
        return int(self._state.checked)

    @property
    def wrong(self) -> int:
        """How many of them were not what the publisher had sent."""
        return int(self._state.wrong)

    def add(
        self,
        sock: socket.socket,
        ssrcs: tuple[int, int],
        inbound: pylibsrtp.Session,
        outbound: pylibsrtp.Session | None,
    ) -> None:
        """Read this socket from now on; with `outbound` reports are sent once a second."""
        number = self.count
        viewer = self._viewers[number]
        viewer.fd, viewer.report_ssrc = sock.fileno(), 1 + number
        viewer.inbound = self._native.context(inbound)
        viewer.outbound = self._native.ffi.NULL if outbound is None else self._native.context(outbound)
        viewer.report_at_ns = time.monotonic_ns() + 1_000_000_000
        for track, ssrc in zip(viewer.tracks, ssrcs, strict=True):
            track.ssrc = ssrc
        self._keep += [inbound, outbound]
        error = self._native.lib.receive_from(self._state, number)
        if error:
            raise OSError(error, "a viewer's socket cannot be read")

    def watch(self, publisher: Publisher) -> None:
        """Remember at the window's ends what this publisher has sent."""
        self._state.publisher = publisher.state

    def open_window(self) -> None:
        """Begin to count for the figures."""
        self._turn_window(1)

    def close_window(self) -> None:
        """Stop counting for the figures."""
        self._turn_window(2)

    def _turn_window(self, number: int) -> None:
        self._state.window = number
        end = time.monotonic() + WINDOW_SECONDS
        while self._state.window_seen != number:
            if time.monotonic() > end:
                raise TimeoutError("the receiver is too busy to count")
            time.sleep(0.001)

    @property
    def sent_in_window(self) -> tuple[int, int]:
        """What the publisher sent of each track while the window was open."""
        opened, closed = self._state.sent_at_open, self._state.sent_at_close
        return closed[VIDEO] - opened[VIDEO], closed[AUDIO] - opened[AUDIO]

    @property
    def window_seconds(self) -> float:
        """How long the window was open."""
        return float(self._state.closed_ns - self._state.opened_ns) / 1e9

    def delays_ms(self) -> list[float]:
        """From the publisher's send to the viewer's read, of the packets decrypted in the window."""
        return [delay / 1000 for delay in self._delays[0 : self._state.delays]]

    def counts(self) -> list[ViewerCount]:
        """What each viewer has."""
        found = []
        for viewer in self._viewers[0 : self.count]:
            video, audio = (_read_track(track) for track in viewer.tracks)
            found.append(ViewerCount((video, audio), viewer.rtcp, viewer.stun, viewer.repairs))
        return found

    def received(self) -> int:
        """Packets of media that all viewers have together."""
        return sum(track.received for viewer in self._viewers[0 : self.count] for track in viewer.tracks)

    def close(self) -> None:
        """End the thread; twice is fine."""
        self._state.stop = 1
        self._thread.join(JOIN_SECONDS)
        if not self._thread.is_alive():
            self._epoll.close()


def _read_track(track: Any) -> TrackCount:
    return TrackCount(
        received=track.received,
        duplicates=track.duplicates,
        window_received=track.close_received - track.open_received,
        window_advance=track.close_highest - track.open_highest if track.open_highest else None,
    )


class Publisher:
    """Sends the stream from a connected socket, in a thread of its own, until `close()`."""

    def __init__(
        self,
        native: Native,
        sock: socket.socket,
        ssrcs: tuple[int, int],
        payload_types: tuple[int, int],
        outbound: pylibsrtp.Session,
    ) -> None:
        self._outbound = outbound
        self.state: Any = native.ffi.new("struct publisher *")
        state: Any = self.state
        state.fd, state.ssrcs, state.payload_types = sock.fileno(), ssrcs, payload_types
        state.sequences = (1000, 2000)
        state.outbound = native.context(outbound)
        state.protect, state.protect_rtcp = native.srtp("srtp_protect"), native.srtp("srtp_protect_rtcp")
        self._thread = threading.Thread(target=native.lib.publish, args=(state,), name="publisher", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    @property
    def sent(self) -> int:
        """Packets so far."""
        return int(sum(self.state.sent))

    @property
    def failed(self) -> int:
        """Packets that could not be protected or sent."""
        return int(self.state.failed)

    @property
    def latest_ms(self) -> float:
        """By how much the worst frame left too late."""
        return float(self.state.latest_ns) / 1e6

    def close(self) -> None:
        """End the thread; twice is fine."""
        self.state.stop = 1
        if self._thread.ident is not None:
            self._thread.join(JOIN_SECONDS)
