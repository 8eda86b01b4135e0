"""The process that measures the limit: protects and sends from C on the relay's core, and says what it cost.

Started by the benchmark with a file that says what to send; the addresses are read by the benchmark's receiver.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from tests.bench.relay_parts.native import Native, make_session

SEND_BUFFER_BYTES = 4 << 20


def main() -> None:
    """Read the order, run, print one line of JSON."""
    order = json.loads(Path(sys.argv[1]).read_text())
    os.sched_setaffinity(0, {order["core"]})
    native = Native(Path(order["library"]))
    ports, keys = order["ports"], order["keys"]
    sessions = [make_session(bytes.fromhex(key), is_inbound=False) for key in keys]
    addresses = b"".join(
        struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton("127.0.0.1") + bytes(8)
        for port in ports
    )
    contexts = native.ffi.new("void *[]", [native.context(session) for session in sessions])
    kept = (native.ffi.new("uint8_t[]", addresses), native.ffi.new("uint32_t[]", order["ssrcs"]), contexts)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        sock.bind(("127.0.0.1", order["port"]))
        state: Any = native.ffi.new("struct limit *")
        state.fd, state.count = sock.fileno(), len(ports)
        state.addresses, state.ssrcs, state.outbound = kept
        state.protect = native.srtp("srtp_protect")
        state.messages, state.is_paced, state.seconds = order["messages"], order["is_paced"], order["seconds"]
        native.lib.limit_run(state)
    result = {name: getattr(state, name) for name in ("packets", "failed", "cpu_ns", "wall_ns")}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
