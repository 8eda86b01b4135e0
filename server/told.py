"""What the server tells pages over Socket.IO: a model for each event, its fields as in PROTOCOL.md.

Services build plain data themselves, for speed; these models say what it must look like. Tests check everything that
their pages hear against them, and the models against PROTOCOL.md.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from server.told_shapes import (
    Announcement,
    Card,
    ChatMessage,
    Draw,
    Drop,
    Iso,
    Poll,
    PublicLesson,
    Question,
    Sale,
    Sanction,
    Shape,
    Stream,
)


class Told(Shape):
    """An event. `is_state`: a later one makes an earlier one worthless, as for a page that was away."""

    name: ClassVar[str]
    is_state: ClassVar[bool] = False


class ChatTold(Told):
    """Said in the room."""

    name = "chat"
    messages: list[ChatMessage]


class ChatDeletedTold(Told):
    """One message is gone."""

    name = "chat_deleted"
    id: str


class ChatClearedTold(Told):
    """All that somebody said until then is."""

    name = "chat_cleared"
    author_id: str
    at: Iso


class RulesTold(Told):
    """How one may talk."""

    name = "rules"
    is_state = True
    rules: dict[str, Any]


class AnnouncementTold(Told):
    """New, or taken away."""

    name = "announcement"
    is_state = True
    announcement: Announcement | None


class SanctionTold(Told):
    """To the one it is about."""

    name = "sanction"
    room_id: str
    sanction: Sanction
    lifted: bool


class RolesTold(Told):
    """To whoever may do more or less now."""

    name = "roles"
    roles: list[str]


class RoomRoleTold(Told):
    """To whoever became a helper, or is none any more."""

    name = "room_role"
    room_id: str
    role: Literal["viewer", "helper", "host", "operator"]


class HeldTold(Told):
    """To staff."""

    name = "held"
    message: ChatMessage


class ReviewedTold(Told):
    """To staff and the author."""

    name = "reviewed"
    id: str
    shown: bool


class LikesTold(Told):
    """Of all time."""

    name = "likes"
    is_state = True
    total: int


class ViewersTold(Told):
    """Now."""

    name = "viewers"
    is_state = True
    count: int


class StreamTold(Told):
    """The broadcast that is on."""

    name = "stream"
    is_state = True
    stream: Stream | None


class CardTold(Told):
    """What is pinned."""

    name = "card"
    is_state = True
    card: Card | None


class QuestionTold(Told):
    """Asked, answered, pinned."""

    name = "question"
    question: Question


class QuestionDeletedTold(Told):
    """One question is gone."""

    name = "question_deleted"
    id: str


class PollTold(Told):
    """The counts."""

    name = "poll"
    is_state = True
    poll: Poll


class CouponDropTold(Told):
    """How many are left."""

    name = "coupon_drop"
    is_state = True
    drop: Drop


class DrawTold(Told):
    """How many take part, who won."""

    name = "draw"
    is_state = True
    draw: Draw


class SaleTold(Told):
    """Stock and state."""

    name = "sale"
    is_state = True
    sale: Sale


class OrderTold(Told):
    """To its buyer."""

    name = "order"
    order: dict[str, Any]


class WaitingTold(Told):
    """To a page whose order has to wait."""

    name = "waiting"
    request_id: str
    ahead: int


class LessonTold(Told):
    """To those who watch it."""

    name = "lesson"
    lesson: PublicLesson


class NoticesTold(Told):
    """To one person: what waits for him."""

    name = "notices"
    open_questions: int
    new_answers: int


class MissedTold(Told):
    """Join again."""

    name = "missed"


TOLD: dict[str, type[Told]] = {kind.name: kind for kind in Told.__subclasses__()}
STATE_EVENTS = frozenset(name for name, kind in TOLD.items() if kind.is_state)


def check_told(event: str, data: object) -> None:
    """Raises ValueError if an event is not as PROTOCOL.md says."""
    kind = TOLD.get(event)
    if kind is None:
        raise ValueError(f"there is no event {event}")
    kind.model_validate(data)
