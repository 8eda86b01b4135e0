"""The packets that may still be asked for again: a ring by sequence number, and the last keyframe group."""

from __future__ import annotations

from media.rtp.packet import RtpPacket


class History:
    """The newest `size` packets of a track by extended sequence number; older ones are overwritten.

    Raises:
        ValueError: `size` is no power of two.
    """

    __slots__ = ("_mask", "_ring")

    def __init__(self, size: int) -> None:
        if size & (size - 1) or size <= 0:
            raise ValueError("size must be a power of two")
        self._mask = size - 1
        self._ring: list[RtpPacket | None] = [None] * size

    def add(self, packet: RtpPacket) -> bool:
        """Keep a packet; False when it is there already or something newer stands in its place."""
        at = packet.sequence & self._mask
        old = self._ring[at]
        if old is not None and old.sequence >= packet.sequence:
            return False
        self._ring[at] = packet
        return True

    def get(self, sequence: int) -> RtpPacket | None:
        """The packet with this extended number, if it is still kept."""
        packet = self._ring[sequence & self._mask]
        return packet if packet is not None and packet.sequence == sequence else None


class KeyframeGroup:
    """Everything since the last keyframe, so that a new viewer sees a picture at once.

    Bounded: a group that grows past `most` packets is forgotten until the next keyframe, and a viewer who comes
    meanwhile waits for the keyframe that is asked for him. Packets that arrive late are taken in at their place.
    """

    __slots__ = ("most", "packets", "serial", "timestamp")

    def __init__(self, most: int) -> None:
        self.most = most
        self.packets: list[RtpPacket] = []
        self.timestamp = -1
        self.serial = 0  # changes with every group, so that a reader notices that his place is gone

    def add(self, packet: RtpPacket, is_keyframe: bool) -> bool:
        """Take a packet in; True when it begins a new group."""
        packets = self.packets
        if is_keyframe and packet.timestamp != self.timestamp:
            if packets and packet.sequence < packets[0].sequence:
                return False  # a late piece of an older group
            self.packets = [packet]
            self.timestamp = packet.timestamp
            self.serial += 1
            return True
        if not packets:
            return False
        if len(packets) >= self.most:
            self.clear()
        elif packet.sequence > packets[-1].sequence:
            packets.append(packet)
        elif packet.sequence > packets[0].sequence or packet.timestamp == self.timestamp:
            self._insert(packet)
        return False

    def _insert(self, packet: RtpPacket) -> None:
        at = len(self.packets)
        while at and self.packets[at - 1].sequence > packet.sequence:
            at -= 1
        self.packets.insert(at, packet)

    def clear(self) -> None:
        """Forget the group; the next one begins at the next keyframe."""
        self.packets = []
        self.timestamp = -1
        self.serial += 1
