"""Where a picture that needs no other begins: H.264 (RFC 6184) and VP8 (RFC 7741); and when to ask for one."""

from __future__ import annotations

from collections.abc import Callable

_IDR = 5
_SPS = 7
_STAP_A = 24
_FU_A = 28
_STARTS = frozenset((_IDR, _SPS))
KEYFRAME_REQUEST_INTERVAL_SECONDS = 0.5  # one PLI serves every viewer who joined meanwhile
KEYFRAME_REQUEST_TRIES = 20  # a publisher that can't answer (FFmpeg) is not asked forever


def h264_keyframe(payload: bytes) -> bool:
    """Whether this packet carries parameter sets or the beginning of an IDR picture."""
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind == _FU_A:
        return len(payload) > 1 and payload[1] & 0x80 != 0 and payload[1] & 0x1F in _STARTS
    if kind != _STAP_A:
        return kind in _STARTS
    at = 1
    while at + 2 < len(payload):
        size = payload[at] << 8 | payload[at + 1]
        if payload[at + 2] & 0x1F in _STARTS and size:
            return True
        at += 2 + size
    return False


def vp8_keyframe(payload: bytes) -> bool:
    """Whether this packet is the first of a VP8 keyframe."""
    if not payload or payload[0] & 0x17 != 0x10:  # S set, partition 0
        return False
    at = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            return False
        flags = payload[1]
        at = 2
        if flags & 0x80:
            at += 2 if len(payload) > 2 and payload[2] & 0x80 else 1
        at += (flags >> 6) & 1
        at += 1 if flags & 0x30 else 0
    return len(payload) > at and payload[at] & 0x01 == 0


DETECTORS: dict[str, Callable[[bytes], bool]] = {"H264": h264_keyframe, "VP8": vp8_keyframe}


class KeyframeRequests:
    """Asks a publisher for a keyframe: at most one request per interval, none forgotten until a keyframe came."""

    __slots__ = ("_last", "_tries", "wanted")

    def __init__(self) -> None:
        self.wanted = False
        self._tries = 0
        self._last = float("-inf")

    def ask(self) -> None:
        """Somebody needs a keyframe."""
        if not self.wanted:
            self.wanted = True
            self._tries = 0

    def arrived(self) -> None:
        """A keyframe came: everybody who asked is served."""
        self.wanted = False

    def due(self, now: float) -> bool:
        """Whether a request is to be sent now; counts it as sent. `now` in seconds."""
        if not self.wanted or now - self._last < KEYFRAME_REQUEST_INTERVAL_SECONDS:
            return False
        if self._tries >= KEYFRAME_REQUEST_TRIES:
            self.wanted = False
            return False
        self._tries += 1
        self._last = now
        return True
