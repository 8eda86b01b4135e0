"""What the server tells pages over Socket.IO: a model for each event, its fields as in PROTOCOL.md.

Services build plain data themselves, for speed; these models say what it must look like. Tests check everything that
their pages hear against them, and the models against PROTOCOL.md.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

Iso = str


class Shape(BaseModel):
    """Exactly these fields."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ChatMessage(Shape):
    """One line of a chat."""

    id: str
    author_id: str
    author_name: str
    author_role: Literal["viewer", "helper", "host", "operator"]
    text: str
    at: Iso


class Stream(Shape):
    """One broadcast."""

    id: str
    room_id: str
    state: Literal["starting", "live", "interrupted", "ended", "cancelled"]
    started_at: Iso | None
    ended_at: Iso | None
    lesson_id: str | None


class Product(Shape):
    """Something to buy."""

    id: str
    merchant_id: str
    merchant_name: str
    name: str
    description: str
    price_fen: int
    unit: str
    origin: str
    stock: int
    picture_url: str | None
    report_url: str | None


class LessonSummary(Shape):
    """A lesson in a list."""

    id: str
    title: str
    course_id: str | None
    host_name: str
    poster_url: str | None
    duration_ms: int
    bytes: int
    state: str
    progress: float | int
    created_at: Iso
    position_ms: int


class PublicLesson(Shape):
    """A lesson as it is the same for everybody."""

    id: str
    title: str
    course_id: str | None
    host_name: str
    poster_url: str | None
    duration_ms: int
    bytes: int
    state: str
    progress: float | int
    created_at: Iso
    host_id: str
    stage: str | None
    thumbs_url: str | None
    waveform_url: str | None
    playlist_url: str | None
    renditions: list[dict[str, Any]]
    chapters: list[dict[str, Any]]
    error: str | None
    subtitles_url: str | None
    no_skip: bool


class Card(Shape):
    """What is pinned."""

    product: Product | None
    lesson: LessonSummary | None
    explaining: bool
    sold_out: bool
    pinned_at: Iso
    start_ms: int


class Sale(Shape):
    """A flash sale."""

    id: str
    room_id: str
    product: Product
    price_fen: int
    quantity: int
    per_buyer: int
    per_order: int
    hold_seconds: int
    state: Literal["open", "closed"]
    available: int
    held: int
    sold: int
    returned: int
    opens_at: Iso
    closes_at: Iso


class Question(Shape):
    """Asked by a viewer."""

    id: str
    author_id: str
    author_name: str
    text: str
    at: Iso
    state: Literal["held", "open", "answered"]
    pinned: bool
    answer: str
    answered_by: str | None
    answered_at: Iso | None


class PollOption(Shape):
    """One of a poll's answers."""

    text: str
    votes: int


class Poll(Shape):
    """A vote in a room."""

    id: str
    question: str
    options: list[PollOption]
    votes: int
    opened_at: Iso
    closed_at: Iso | None


class Drop(Shape):
    """Coupons to take."""

    id: str
    value_fen: int
    min_total_fen: int
    quota: int
    left: int
    per_user: int
    opens_at: Iso
    closes_at: Iso
    valid_until: Iso


class Winner(Shape):
    """Of a draw."""

    ticket: str
    user_id: str
    name: str


class Draw(Shape):
    """Drawing lots."""

    id: str
    title: str
    places: int
    state: Literal["open", "closing", "drawn"]
    entered: int
    commitment: str
    seed: str | None
    opened_at: Iso
    closes_at: Iso
    drawn_at: Iso | None
    winners: list[Winner]


class Sanction(Shape):
    """A mute or a ban."""

    user_id: str
    user_name: str
    kind: Literal["mute", "ban"]
    everywhere: bool
    until: Iso | None
    reason: str
    by_name: str
    at: Iso


class Announcement(Shape):
    """Above the chat."""

    text: str
    at: Iso


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
    """All of somebody's are."""

    name = "chat_cleared"
    author_id: str


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
