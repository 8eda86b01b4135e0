"""Where a picture that needs no other begins, in each codec that we forward; and when to ask for one."""

from __future__ import annotations

from collections.abc import Callable

_IDR = 5
_SPS = 7
_STAP_A = 24
_FU_A = 28
_STARTS = frozenset((_IDR, _SPS))
_H265_AGGREGATE, _H265_FRAGMENT = 48, 49
_H265_STARTS = frozenset((*range(16, 22), 32, 33, 34))  # IRAP pictures; VPS, SPS, PPS
KEYFRAME_REQUEST_INTERVAL_SECONDS = 0.5  # one PLI serves every viewer who joined meanwhile
KEYFRAME_REQUEST_TRIES = 20  # a publisher that can't answer (FFmpeg) is not asked forever


def h264_keyframe(payload: bytes) -> bool:
    """Whether this packet carries parameter sets or the beginning of an IDR picture (RFC 6184)."""
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
    """Whether this packet is the first of a VP8 keyframe (RFC 7741)."""
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


def vp9_keyframe(payload: bytes) -> bool:
    """Whether this packet is the first of a VP9 keyframe: not predicted, lowest spatial layer (RFC 9628, 4.2)."""
    if not payload or payload[0] & 0x48 != 0x08:  # P clear, B set
        return False
    at = 1
    if payload[0] & 0x80:
        at += 2 if len(payload) > 1 and payload[1] & 0x80 else 1
    if not payload[0] & 0x20:
        return True
    return len(payload) > at and payload[at] >> 1 & 7 == 0


def av1_keyframe(payload: bytes) -> bool:
    """Whether a coded video sequence begins with this packet: N of the aggregation header (AV1 RTP payload, 4.4)."""
    return bool(payload) and payload[0] & 0x88 == 0x08


def h265_keyframe(payload: bytes) -> bool:
    """Whether this packet carries parameter sets or the beginning of an intra random access point (RFC 7798)."""
    if len(payload) < 3:
        return False
    kind = payload[0] >> 1 & 0x3F
    if kind == _H265_FRAGMENT:
        return payload[2] & 0x80 != 0 and payload[2] & 0x3F in _H265_STARTS
    if kind != _H265_AGGREGATE:
        return kind in _H265_STARTS
    at = 2
    while at + 2 < len(payload):
        size = payload[at] << 8 | payload[at + 1]
        if size and payload[at + 2] >> 1 & 0x3F in _H265_STARTS:
            return True
        at += 2 + size
    return False


DETECTORS: dict[str, Callable[[bytes], bool]] = {
    "H264": h264_keyframe,
    "VP8": vp8_keyframe,
    "VP9": vp9_keyframe,
    "AV1": av1_keyframe,
    "H265": h265_keyframe,
}


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
