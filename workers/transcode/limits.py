"""The fence from inside: a child limits itself before it looks at a stranger's file, and can't take it back."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 38, 22, 2
NICENESS = 10  # live streams on the same machine come first
LARGEST_FILE_BYTES = 20_000_000_000
MOST_FILES = 128

# seccomp's classic BPF: load a word of the call, compare, answer.
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
_NUMBER_AT, _ARCH_AT = 0, 4
_X32_BIT = 0x40000000
# Of each machine: its name for the kernel, and the calls that reach out of the process: socket, connect, socketpair
# stay out of the network; execve, execveat, ptrace, process_vm_readv, process_vm_writev, pidfd_getfd,
# io_uring_setup, kexec_load, bpf, unshare, mount, setns.
_MACHINES = {
    "x86_64": (0xC000003E, (41, 42, 53, 59, 322, 101, 310, 311, 438, 425, 246, 321, 272, 165, 308)),
    "aarch64": (0xC00000B7, (198, 203, 199, 221, 281, 117, 270, 271, 438, 425, 104, 280, 97, 40, 268)),
}


def limit_self(memory_bytes: int, cpu_seconds: int) -> None:
    """Less priority, bounded memory, time and files; no network, no other program; ended with the worker."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES, LARGEST_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, MOST_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _forbid_calls()


def _forbid_calls() -> None:
    """Let the kernel refuse calls that decoding never needs. Raises OSError where it can't be asked to."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return  # no list for it: rlimits and FFmpeg's own lists of protocols and containers remain
    program = _program(*machine)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel does not filter calls")


def _program(arch: int, forbidden: tuple[int, ...]) -> bytes:
    """What seccomp runs for each call: another machine's calls and the forbidden ones are refused."""
    rows = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_JUMP_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_AT_LEAST, len(forbidden) + 1, 0, _X32_BIT),
    ]
    for place, number in enumerate(forbidden):
        rows.append((_JUMP_EQUAL, len(forbidden) - place, 0, number))
    rows += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("HBBI", *row) for row in rows)
