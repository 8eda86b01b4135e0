"""One packet to one viewer: what he catches up on, asks for again, or gets late."""

from __future__ import annotations

from media.glue import SRTP_OK, PacketMemory, srtp_protect
from media.rtp.counters import Counters
from media.rtp.extension import abs_send_time, parse_extensions, write_extensions
from media.rtp.lane import Lane, Span
from media.rtp.outlet import Wire
from media.rtp.packet import EXTENDED, HEADER, VERSION_2, RtpPacket
from media.rtp.vp8 import shift_numbers


def extension_for(wire: Wire, packet: RtpPacket, now: float) -> bytes:
    """The header extension of a packet on this wire: what is passed on under its own numbers, and our own."""
    elements: list[tuple[int, bytes]] = []
    if wire.extensions and packet.extension:
        try:
            found = parse_extensions(packet.extension)
        except ValueError:
            found = {}
        elements = [(ours, found[theirs]) for theirs, ours in wire.extensions if theirs in found]
    if wire.send_time_id:
        elements.append((wire.send_time_id, abs_send_time(now)))
    if wire.constant_id:
        elements.append((wire.constant_id, wire.constant))
    return write_extensions(elements)


class Single:
    """Sends packets one by one through the node's memory for one packet."""

    def __init__(self, memory: PacketMemory, counters: Counters) -> None:
        self._memory = memory
        self._counters = counters

    def send(self, lane: Lane, span: Span, packet: RtpPacket, now: float) -> None:
        """A packet as it is, with the lane's numbers."""
        sequence = packet.sequence + span.shift & 0xFFFF
        self._emit(lane, packet, span, lane.payload_type, sequence, lane.ssrc, b"", now)

    def resend(self, lane: Lane, span: Span, packet: RtpPacket, now: float) -> None:
        """A packet that the viewer asked for, over RTX (RFC 4588) where he knows it."""
        if lane.rtx_payload_type is None:
            self.send(lane, span, packet, now)
            return
        original = (packet.sequence + span.shift & 0xFFFF).to_bytes(2, "big")
        number = lane.rtx_sequence
        lane.rtx_sequence = number + 1 & 0xFFFF
        self._emit(lane, packet, span, lane.rtx_payload_type, number, lane.rtx_ssrc, original, now)

    def _emit(
        self,
        lane: Lane,
        packet: RtpPacket,
        span: Span,
        payload_type: int,
        sequence: int,
        ssrc: int,
        before_payload: bytes,
        now: float,
    ) -> None:
        extension = extension_for(lane.wire, packet, now)
        payload = packet.payload
        if span.picture_shift or span.base_shift:
            payload = shift_numbers(payload, span.layer.numbers_of(packet), span.picture_shift, span.base_shift)
        first = VERSION_2 | EXTENDED if extension else VERSION_2
        timestamp = span.timestamp_of(packet)
        head = HEADER.pack(first, packet.marker | payload_type, sequence, timestamp, ssrc)
        data = head + extension + before_payload + payload
        memory, counters, path = self._memory, self._counters, lane.path
        memory.view[: len(data)] = data
        memory.length[0] = len(data)
        if srtp_protect(lane.context, memory.cdata, memory.length) != SRTP_OK:
            counters.dropped_protection += 1
            return
        try:
            sent = path.way.sendto(memory.view[: memory.length[0]], path.address)
        except OSError:
            counters.dropped_socket += 1
            return
        if sent:  # else a slow connection has dropped and counted it
            counters.packets_out += 1
            counters.bytes_out += memory.length[0]
