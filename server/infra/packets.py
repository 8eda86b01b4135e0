"""What a page sends, as text: which event it asks for, and the answer to it. Pure.

    42/room,17["chat",{"text":"…"}]        event `chat`, to be answered with the number 17
    43/room,17[{"ok":true,"data":{…}}]     the answer

python-socketio reads packets into objects, looks through each for bytes, and passes them from task to task; pages of
ours send text only, so that is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_core import from_json

NAMESPACE = "/room"
EVENT = f"42{NAMESPACE},"
BINARY = ("45", "46")  # an event or an answer with attachments
MOST_DIGITS = 10  # of an answer's number


@dataclass(frozen=True, slots=True)
class Asked:
    """An event of a page. `answer`: the number under which it waits for an answer, if it does."""

    name: str
    fields: object
    answer: int | None


class BadPacket(ValueError):
    """Not what pages of ours send. `answer`: as far as it could be read."""

    def __init__(self, answer: int | None) -> None:
        super().__init__("the event is not well-formed")
        self.answer = answer


def is_event(packet: str) -> bool:
    """Whether a packet is an event for our namespace."""
    return packet.startswith(EVENT)


def is_binary(packet: str) -> bool:
    """Whether a packet announces attachments."""
    return packet.startswith(BINARY)


def read_event(packet: str) -> Asked:
    """The event in a packet for which `is_event` holds. Raises BadPacket.

    Half an emoji, numbers that are none, and more than 200 levels are not well-formed.
    """
    begin = at = len(EVENT)
    while at < len(packet) and at - begin <= MOST_DIGITS and "0" <= packet[at] <= "9":
        at += 1
    if at - begin > MOST_DIGITS:
        raise BadPacket(None)
    answer = int(packet[begin:at]) if at > begin else None
    try:
        read = from_json(packet[at:], allow_inf_nan=False)
    except ValueError:
        raise BadPacket(answer) from None
    if not isinstance(read, list) or not read or not isinstance(read[0], str):
        raise BadPacket(answer)
    return Asked(read[0], read[1] if len(read) > 1 else {}, answer)


def answer_of_binary(packet: str) -> int | None:
    """The number under which an event with attachments waits for an answer, if it is for our namespace."""
    _, found, rest = packet[:64].partition(f"-{NAMESPACE},")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if found else ""
    return int(digits) if 0 < len(digits) <= MOST_DIGITS else None


def answer_text(answer: int, body: bytes) -> bytes:
    """An answer as a Socket.IO packet; `body` is JSON."""
    return b"3%s,%d[%s]" % (NAMESPACE.encode(), answer, body)
