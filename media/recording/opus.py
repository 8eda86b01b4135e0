"""Opus packets (RFC 6716): how long one lasts, and packets of silence to fill what is missing."""

from __future__ import annotations

# Samples at 48 kHz of one frame, by the configuration in the packet's first byte (RFC 6716, table 2).
_SILK_FRAMES = (480, 960, 1920, 2880)
_HYBRID_FRAMES = (480, 960)
_CELT_FRAMES = (120, 240, 480, 960)
MAX_PACKET_SAMPLES = 5760  # 120 ms
SHORTEST_SAMPLES = 120

# CELT, full band, 20 / 10 / 5 / 2.5 ms; the two bytes that follow decode to silence.
_SILENCE_CONFIGS = ((960, 31), (480, 30), (240, 29), (120, 28))


def packet_samples(packet: bytes) -> int:
    """How many samples at 48 kHz a packet holds (RFC 6716, 3.1, 3.2). Raises ValueError if it is no Opus packet."""
    if not packet:
        raise ValueError("empty Opus packet")
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = _SILK_FRAMES[config % 4]
    elif config < 16:
        frame = _HYBRID_FRAMES[config % 2]
    else:
        frame = _CELT_FRAMES[config % 4]
    if code == 3 and len(packet) < 2:
        raise ValueError("Opus packet without its frame count")
    frames = (1, 2, 2, packet[1] & 0x3F if code == 3 else 0)[code]
    if frames == 0 or frame * frames > MAX_PACKET_SAMPLES:
        raise ValueError("Opus packet of impossible length")
    return frame * frames


def silence(samples: int, channels: int) -> list[tuple[int, bytes]]:
    """Packets of silence, with their lengths, that fill `samples` down to less than 2.5 ms."""
    stereo = 4 if channels == 2 else 0
    packets = []
    for length, config in _SILENCE_CONFIGS:
        count, samples = divmod(samples, length)
        packets += [(length, bytes((config << 3 | stereo, 0xFF, 0xFE)))] * count
    return packets
