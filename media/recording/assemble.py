"""From ordered packets to whole pictures and sounds; what loss broke is left out until the next keyframe."""

from __future__ import annotations

from typing import Protocol

from media.recording.h264 import H264Pictures
from media.recording.opus import packet_samples
from media.recording.reorder import OrderedPacket
from media.recording.tracks import AccessUnit, TrackFormat, VideoSetup
from media.recording.vp8 import Vp8Pictures


class Pictures(Protocol):
    """How one video codec puts a picture together. Every method raises ValueError on a broken picture."""

    def start(self) -> None: ...
    def add(self, payload: bytes) -> None: ...
    def finish(self, after_loss: bool) -> tuple[bytes, VideoSetup | None] | None: ...


class VideoAssembler:
    """Pictures of one track. After a loss nothing is handed out before the next whole keyframe, because pictures
    in between refer to what is missing."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._timestamp: int | None = None  # of the picture being put together
        self._arrival_ns = 0
        self._is_broken = False
        self._is_after_loss = False
        self._waits_for_keyframe = True
        self._has_dropped = False

    @property
    def waits_for_keyframe(self) -> bool:
        """Whether only a keyframe brings the picture back."""
        return self._waits_for_keyframe

    def push(self, packet: OrderedPacket) -> list[AccessUnit]:
        """Add one packet; answers the pictures that are whole now."""
        done: list[AccessUnit] = []
        if packet.after_loss:
            # The end of the picture under way is missing, or whole pictures are.
            self._is_broken = self._timestamp is not None
            self._waits_for_keyframe = True
            self._has_dropped = True
        if self._timestamp is not None and packet.timestamp != self._timestamp:
            done += self._end_picture()
        if not packet.payload:
            return done  # padding: it only fills a place in the sequence
        if self._timestamp is None:
            self._timestamp, self._arrival_ns = packet.timestamp, packet.arrival_ns
            self._is_after_loss = packet.after_loss
            self._pictures.start()
        try:
            self._pictures.add(packet.payload)
        except ValueError:
            self._is_broken = True
        if packet.marker:
            done += self._end_picture()
        return done

    def flush(self) -> list[AccessUnit]:
        """The picture under way, if it is whole."""
        return self._end_picture() if self._timestamp is not None else []

    def _end_picture(self) -> list[AccessUnit]:
        timestamp, is_broken = self._timestamp, self._is_broken
        self._timestamp, self._is_broken = None, False
        if timestamp is None:
            return []
        try:
            found = None if is_broken else self._pictures.finish(self._is_after_loss)
        except ValueError:
            found, is_broken = None, True
        if found is None:
            self._waits_for_keyframe = self._waits_for_keyframe or is_broken
            self._has_dropped = self._has_dropped or is_broken
            return []
        data, setup = found
        if self._waits_for_keyframe and setup is None:
            self._has_dropped = True
            return []
        unit = AccessUnit("video", timestamp, self._arrival_ns, data, setup is not None, self._has_dropped, setup)
        self._waits_for_keyframe = self._has_dropped = False
        return [unit]


class AudioAssembler:
    """Opus: one packet is one access unit."""

    def __init__(self) -> None:
        self._has_dropped = False

    def push(self, packet: OrderedPacket) -> list[AccessUnit]:
        """The sound in a packet."""
        self._has_dropped = self._has_dropped or packet.after_loss
        try:
            packet_samples(packet.payload)
        except ValueError:
            self._has_dropped = self._has_dropped or bool(packet.payload)
            return []
        unit = AccessUnit("audio", packet.timestamp, packet.arrival_ns, packet.payload, True, self._has_dropped, None)
        self._has_dropped = False
        return [unit]


def make_video_assembler(track: TrackFormat) -> VideoAssembler:
    """The assembler for a video track. Raises ValueError for a codec that cannot be recorded."""
    if track.codec == "H264":
        return VideoAssembler(H264Pictures())
    if track.codec == "VP8":
        return VideoAssembler(Vp8Pictures())
    raise ValueError(f"video codec {track.codec} is not recorded")
