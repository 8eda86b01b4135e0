"""Linux' own calls: many datagrams in one (`sendmmsg`, `recvmmsg`), one that the kernel cuts (`UDP_SEGMENT`)."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any

from cffi import FFI

ffi = FFI()
ffi.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr {
        void *msg_name; unsigned int msg_namelen;
        struct iovec *msg_iov; size_t msg_iovlen;
        void *msg_control; size_t msg_controllen;
        int msg_flags;
    };
    struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
    int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
    int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, void *timeout);
    """
)
_libc: Any = ffi.dlopen(None) if sys.platform == "linux" else None

SOL_UDP = 17
UDP_SEGMENT = 103
MOST_MESSAGES = 1024  # of one call (UIO_MAXIOV)
MOST_SEGMENTS = 64  # of one datagram (UDP_MAX_SEGMENTS of kernels before 6.9)
MOST_SEGMENTED_BYTES = 65_000  # an IP packet holds no more before it is cut
# What a network device that can't do the checksums of a cut datagram answers; and old kernels.
NO_OFFLOAD_ERRORS = frozenset((errno.EIO, errno.EINVAL, errno.EOPNOTSUPP))
AF_INET = socket.AF_INET
CAN_SEND_MANY = _libc is not None and hasattr(_libc, "sendmmsg")
CAN_RECEIVE_MANY = _libc is not None and hasattr(_libc, "recvmmsg")
NAME_BYTES = 28  # sockaddr_in6, the longer one


def can_segment(descriptor: int) -> bool:
    """Whether the kernel cuts datagrams of this UDP socket."""
    if not CAN_SEND_MANY:
        return False
    with socket.socket(fileno=os.dup(descriptor)) as probe:
        try:
            probe.getsockopt(SOL_UDP, UDP_SEGMENT)
        except OSError:
            return False
    return True


def send_many(descriptor: int, messages: Any, first: int, count: int) -> int:
    """Send `count` messages of an array from `first` on; answers how many went out.

    Raises:
        OSError: when the first one can't be sent.
    """
    sent = int(_libc.sendmmsg(descriptor, messages + first, min(count, MOST_MESSAGES), 0))
    if sent < 0:
        raise OSError(ffi.errno, "sendmmsg")
    return sent


def receive_many(descriptor: int, messages: Any, count: int) -> int:
    """Receive at most `count` datagrams into an array of messages, without waiting; answers how many came.

    Raises:
        OSError: there is none (BlockingIOError), or an ICMP error about an earlier one.
    """
    received = int(_libc.recvmmsg(descriptor, messages, count, socket.MSG_DONTWAIT, ffi.NULL))
    if received < 0:
        raise OSError(ffi.errno, "recvmmsg")
    return received


def unpack_address(name: bytes) -> tuple[Any, ...]:
    """The address in a sockaddr, as sockets give it."""
    port = int.from_bytes(name[2:4], "big")
    if int.from_bytes(name[:2], sys.byteorder) == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    flow, scope = int.from_bytes(name[4:8], "big"), int.from_bytes(name[24:28], sys.byteorder)
    return socket.inet_ntop(socket.AF_INET6, name[8:24]), port, flow, scope


def pack_address(family: int, address: Any) -> bytes:
    """The sockaddr of an address as sockets give it: (host, port) or (host, port, flow, scope)."""
    port = int(address[1]).to_bytes(2, "big")
    if family == socket.AF_INET:
        return family.to_bytes(2, sys.byteorder) + port + socket.inet_aton(address[0]) + bytes(8)
    host = str(address[0]).partition("%")[0]
    flow, scope = (int(address[2]), int(address[3])) if len(address) == 4 else (0, 0)
    return (
        family.to_bytes(2, sys.byteorder)
        + port
        + flow.to_bytes(4, "big")
        + socket.inet_pton(socket.AF_INET6, host)
        + scope.to_bytes(4, sys.byteorder)
    )
