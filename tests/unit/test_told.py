"""PROTOCOL.md and the models of Socket.IO events say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from server.cards.events import card_events
from server.chat.events import chat_events
from server.coupons.events import coupon_events
from server.courses.events import course_events
from server.draws.events import draw_events
from server.moderation.events import moderation_events
from server.orders.events import order_events
from server.polls.events import poll_events
from server.questions.events import question_events
from server.rooms.events import RoomEvents
from server.sio import Event
from server.told import TOLD, check_told
from server.told_shapes import ChatMessage, Draw, Drop, Poll, Question, Shape

PROTOCOL = Path(__file__).parents[2] / "server" / "PROTOCOL.md"
SHAPES: dict[str, type[Shape]] = {
    "ChatMessage": ChatMessage,
    "Question": Question,
    "Poll": Poll,
    "Drop": Drop,
    "Draw": Draw,
}


def section() -> str:
    """The part about Socket.IO."""
    return PROTOCOL.read_text("utf-8").split("## Socket.IO: namespace")[1].split("\n## ")[0]


def rows(title: str) -> Iterator[tuple[list[str], str]]:
    """The rows of one table: the names of the first column, and the second column."""
    table = section().split(f"| {title} |")[1].split("\n\n")[0]
    for line in table.splitlines()[2:]:
        cells = re.split(r"(?<!\\)\|", line)
        yield re.findall(r"`(\w+)`", cells[1]), cells[2]


def field_names(cell: str) -> set[str]:
    """The names in every `{…}` of a cell, without what is said about them."""
    cell = re.sub(r" without [^}]*", "", cell)
    names: set[str] = set()
    for braces in re.findall(r"\{([^}]*)\}", re.sub(r"\{[^{}]*\{[^{}]*\}[^{}]*\}", _flat, cell)):
        plain = re.sub(r"\[[^\]]*\]|\([^)]*\)", "", braces)
        names |= {part.split(":")[0].strip().split("=")[0].split(" ")[0].rstrip("?") for part in plain.split(",")}
    return names - {""}


def _flat(match: re.Match[str]) -> str:
    return re.sub(r"(?<=.)\{[^{}]*\}", "", match.group())


def client_events() -> dict[str, Event[Any]]:
    nobody = cast("Any", None)
    room_events = RoomEvents(*[nobody] * 10).events(nobody)
    events = [
        *room_events,
        *chat_events(nobody, nobody),
        *moderation_events(nobody),
        *question_events(nobody, nobody),
        *poll_events(nobody, nobody),
        *coupon_events(nobody, nobody, nobody),
        *draw_events(nobody, nobody),
        *card_events(nobody, nobody),
        *order_events(nobody),
        *course_events(nobody, nobody),
    ]
    return {event.name: event for event in events}


def test_every_event_that_the_server_tells_has_a_model_and_a_row() -> None:
    documented = {name: field_names(cell) for names, cell in rows("server sends") for name in names}
    assert documented == {name: set(kind.model_fields) for name, kind in TOLD.items()}


def test_every_event_that_a_client_may_send_has_a_model_and_a_row() -> None:
    documented = {name: field_names(cell) for names, cell in rows("client sends") for name in names}
    assert documented == {name: set(event.fields.model_fields) for name, event in client_events().items()}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_have_the_fields_that_protocol_names(name: str) -> None:
    found = re.search(rf"`{name}`: `(\{{.*?\}})`[;.]", section(), re.DOTALL)
    assert found, name
    text = re.sub(r"\[\{[^}]*\}\]", "", found.group(1).replace("\n", " "))
    text = re.sub(r"`|\(.*?\)", "", text)
    assert {part.split(":")[0].strip().split(" ")[0] for part in text.strip("{}").split(",")} == set(
        SHAPES[name].model_fields
    )


def test_what_is_not_in_the_protocol_is_noticed() -> None:
    check_told("likes", {"total": 3})
    for event, data in (("likes", {"total": "3"}), ("likes", {}), ("likes", {"total": 1, "x": 2}), ("nonsense", {})):
        with pytest.raises(ValueError, match=r"."):
            check_told(event, data)
