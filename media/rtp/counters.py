"""What the hot path counts: plain integers, read when somebody asks for metrics."""

from __future__ import annotations

from bisect import bisect_left

DELAY_BOUNDS_MS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 50.0, 100.0)


class Counters:
    """Totals of one node since its start. Each name is a metric; `dropped_*` become one with a reason."""

    bytes_in: int
    bytes_out: int
    dropped_address_held: int
    dropped_bad_rtcp: int
    dropped_bad_rtp: int
    dropped_bad_stun: int
    dropped_duplicate: int
    dropped_junk: int
    dropped_late: int
    dropped_many_sources: int
    dropped_not_negotiated: int
    dropped_not_protected: int
    dropped_protection: int
    dropped_resend_limit: int
    dropped_socket: int
    dropped_tcp_full: int
    dropped_unknown_peer: int
    keyframe_requests: int
    keyframes: int
    nacks_in: int
    nacks_out: int
    packets_in: int
    packets_lost_in: int
    packets_out: int
    packets_probing: int
    packets_resent: int
    stun_requests: int
    tcp_accepted: int
    tcp_refused: int

    def __init__(self) -> None:
        for name in COUNTED:
            setattr(self, name, 0)
        # Forwarding delay: packets by the first bound that holds them; the last bucket has none.
        self.delay_buckets = [0] * (len(DELAY_BOUNDS_MS) + 1)
        self.delay_seconds = 0.0

    def forwarded(self, seconds: float, packets: int) -> None:
        """So many packets left so long after they, or the first of their frame, had come."""
        self.delay_buckets[bisect_left(DELAY_BOUNDS_MS, seconds * 1000)] += packets
        self.delay_seconds += seconds * packets


COUNTED = tuple(sorted(Counters.__annotations__))
