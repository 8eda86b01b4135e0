"""What the hot path counts: plain integers, read when somebody asks for metrics."""

from __future__ import annotations


class Counters:
    """Totals of one node since its start. Each name is a metric; `dropped_*` become one metric with a reason."""

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "dropped_address_held",
        "dropped_bad_rtcp",
        "dropped_bad_rtp",
        "dropped_bad_stun",
        "dropped_duplicate",
        "dropped_junk",
        "dropped_late",
        "dropped_not_negotiated",
        "dropped_not_protected",
        "dropped_protection",
        "dropped_resend_limit",
        "dropped_socket",
        "dropped_unknown_peer",
        "keyframe_requests",
        "keyframes",
        "nacks_in",
        "nacks_out",
        "packets_in",
        "packets_lost_in",
        "packets_out",
        "packets_resent",
        "stun_requests",
    )

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    bytes_in: int
    bytes_out: int
    dropped_address_held: int
    dropped_bad_rtcp: int
    dropped_bad_rtp: int
    dropped_bad_stun: int
    dropped_duplicate: int
    dropped_junk: int
    dropped_late: int
    dropped_not_negotiated: int
    dropped_not_protected: int
    dropped_protection: int
    dropped_resend_limit: int
    dropped_socket: int
    dropped_unknown_peer: int
    keyframe_requests: int
    keyframes: int
    nacks_in: int
    nacks_out: int
    packets_in: int
    packets_lost_in: int
    packets_out: int
    packets_resent: int
    stun_requests: int
