"""VP8 in RTP (RFC 7741): packets to frames, and the size that a key frame announces."""

from __future__ import annotations

from media.recording.tracks import PICTURE_LIMIT_BYTES, VideoSetup

KEY_FRAME_HEADER_BYTES = 10
_START_CODE = b"\x9d\x01\x2a"


def descriptor_length(payload: bytes) -> tuple[int, bool]:
    """How long the payload descriptor is, and whether a frame begins here. Raises ValueError."""
    if not payload:
        raise ValueError("empty VP8 payload")
    begins = payload[0] & 0x10 != 0 and payload[0] & 0x0F == 0
    length = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            raise ValueError("VP8 descriptor is cut off")
        flags = payload[1]
        length = 2
        if flags & 0x80:
            if len(payload) < 3:
                raise ValueError("VP8 picture id is cut off")
            length += 2 if payload[2] & 0x80 else 1
        length += (flags & 0x40 != 0) + (flags & 0x30 != 0)
    if len(payload) <= length:
        raise ValueError("VP8 payload without data")
    return length, begins


def is_keyframe(frame: bytes) -> bool:
    """Whether a frame can be decoded without those before it."""
    return bool(frame) and frame[0] & 1 == 0


def read_setup(frame: bytes) -> VideoSetup:
    """The set-up that a key frame announces (RFC 6386, 9.1). Raises ValueError."""
    if len(frame) < KEY_FRAME_HEADER_BYTES or frame[3:6] != _START_CODE:
        raise ValueError("not a VP8 key frame")
    width = int.from_bytes(frame[6:8], "little") & 0x3FFF
    height = int.from_bytes(frame[8:10], "little") & 0x3FFF
    if not width or not height:
        raise ValueError("VP8 key frame without a size")
    # vpcC: profile 0, level 1.0, 8 bits, 4:2:0, BT.601 as VP8 has no other.
    configuration = bytes((0, 10, 0x82, 6, 6, 6, 0, 0))
    return VideoSetup("VP8", "vp08.00.10.08", width, height, configuration)


class Vp8Pictures:
    """Collects the payloads of one frame at a time."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def start(self) -> None:
        """Forget what was collected."""
        self._pieces = []
        self._size = 0

    def add(self, payload: bytes) -> None:
        """Add one RTP payload. Raises ValueError if the frame is broken."""
        self._size += len(payload)
        if self._size > PICTURE_LIMIT_BYTES:
            raise ValueError("VP8 picture is too large")
        length, begins = descriptor_length(payload)
        if begins != (not self._pieces):
            raise ValueError("VP8 frame without its beginning")
        self._pieces.append(payload[length:])

    def finish(self, after_loss: bool) -> tuple[bytes, VideoSetup | None] | None:
        """The frame, with its set-up if it is a key frame; None if there was none. Raises ValueError."""
        frame = b"".join(self._pieces)
        if not frame:
            return None
        return frame, read_setup(frame) if is_keyframe(frame) else None
