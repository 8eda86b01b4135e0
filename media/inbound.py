"""What a publisher sends of one kind: its codec, and the encodings that are told apart by SSRC and rid."""

from __future__ import annotations

from collections.abc import Mapping

from media.answer import PASSED_ON, ChosenMedia, Published, profile_rank
from media.rtp import extension
from media.rtp.packet import RtpPacket
from media.rtp.reception import Reception
from media.rtp.seq import time_distance

MOST_RID_BYTES = 16


class Encoding:
    """One encoding of a track; without simulcast the only one, with the rid ""."""

    __slots__ = ("_last", "has_b_frames", "heard_at", "reception", "repair_ssrc", "rid", "ssrc")

    def __init__(self, rid: str, clock_rate: int) -> None:
        self.rid = rid
        self.ssrc = -1
        self.repair_ssrc = -1
        self.has_b_frames = False
        self.heard_at = float("-inf")
        self.reception = Reception(0, clock_rate)
        self._last: tuple[int, int] | None = None

    def begin(self, ssrc: int, reception: Reception) -> None:
        """Another source begins."""
        self.ssrc = ssrc
        self.reception = reception
        self._last = None

    def goes_back(self, packet: RtpPacket) -> bool:
        """Whether time runs backwards between two packets that follow each other: pictures that are shown earlier."""
        last = self._last
        self._last = (packet.sequence, packet.timestamp)
        if last is None or packet.sequence != (last[0] + 1) & 0xFFFF:
            return False
        return time_distance(packet.timestamp, last[1]) < 0


class InboundTrack:
    """What was agreed on with a publisher for one kind, and the encodings that he may send."""

    __slots__ = (
        "_extensions",
        "_profile_rank",
        "_repaired_rid_id",
        "_rid_id",
        "can_nack",
        "can_pli",
        "can_remb",
        "channels",
        "clock_rate",
        "codec",
        "encodings",
        "kind",
        "payload_type",
        "rids",
        "rtx_payload_type",
        "transport_id",
    )

    def __init__(self, media: ChosenMedia) -> None:
        chosen = media.codecs[0]
        codec = chosen.codec
        self.kind = media.offer.kind
        self.codec = chosen.name
        self.payload_type = codec.payload_type
        self.rtx_payload_type = chosen.rtx_payload_type
        self.clock_rate = codec.clock_rate
        self.channels = codec.channels
        self.can_nack = "nack" in codec.feedback
        self.can_pli = "nack pli" in codec.feedback
        self.transport_id = media.extensions.get(extension.TRANSPORT_WIDE, -1)
        self.can_remb = "goog-remb" in codec.feedback and self.transport_id < 0
        self.rids = media.rids or ("",)  # best first
        self.encodings = {rid: Encoding(rid, self.clock_rate) for rid in self.rids}
        self._profile_rank = profile_rank(codec)
        self._extensions = media.extensions
        self._rid_id = media.extensions.get(extension.RID, -1)
        self._repaired_rid_id = media.extensions.get(extension.REPAIRED_RID, -1)

    @property
    def heard(self) -> list[Encoding]:
        """The encodings of which anything has come."""
        return [encoding for encoding in self.encodings.values() if encoding.ssrc >= 0]

    @property
    def passed_on(self) -> Mapping[str, int]:
        """The header extensions that viewers may get: URI -> number."""
        return {uri: self._extensions[uri] for uri in PASSED_ON if uri in self._extensions}

    def published(self) -> Published:
        """What viewers must be able to decode."""
        rids = self.rids if len(self.rids) > 1 else ()
        return Published(self.codec, self._profile_rank, rids, self.passed_on)

    def encoding_of(self, ssrc: int, elements: Mapping[int, bytes]) -> Encoding | None:
        """Which encoding a packet belongs to; None: nobody has said so yet."""
        only = self.encodings.get("")
        if only is not None:
            return only
        for encoding in self.encodings.values():
            if encoding.ssrc == ssrc:
                return encoding
        return self._named(elements.get(self._rid_id))

    def repaired_encoding_of(self, ssrc: int, elements: Mapping[int, bytes]) -> Encoding | None:
        """Which encoding a retransmission belongs to."""
        only = self.encodings.get("")
        if only is not None:
            return only
        for encoding in self.encodings.values():
            if encoding.repair_ssrc == ssrc:
                return encoding
        # Another node names the layer in all packets alike (RFC 8852 has an element of its own for repairs).
        named = self._named(elements.get(self._repaired_rid_id) or elements.get(self._rid_id))
        if named is not None:
            named.repair_ssrc = ssrc
        return named

    def _named(self, value: bytes | None) -> Encoding | None:
        if value is None or len(value) > MOST_RID_BYTES:
            return None
        return self.encodings.get(value.decode("ascii", "replace"))
