"""The things that pages hear of over Socket.IO, each with its fields as in PROTOCOL.md."""

from __future__ import annotations

from typing import Any, Literal

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
    withdrawn: bool


class LessonSummary(Shape):
    """A lesson in a list."""

    id: str
    title: str
    course_id: str | None
    host_name: str
    poster_url: str | None
    duration_ms: int
    bytes: int
    watchable: bool
    state: str
    progress: float | int
    created_at: Iso
    position_ms: int
    watched_ms: int
    done: bool


class PublicLesson(Shape):
    """A lesson as it is the same for everybody."""

    id: str
    title: str
    course_id: str | None
    host_name: str
    poster_url: str | None
    duration_ms: int
    bytes: int
    watchable: bool
    state: str
    progress: float | int
    created_at: Iso
    host_id: str
    stage: str | None
    thumbs_url: str | None
    waveform_url: str | None
    playlist_url: str | None
    renditions: list[dict[str, Any]]
    sounds: list[dict[str, Any]]
    chapters: list[dict[str, Any]]
    error: str | None
    subtitles_url: str | None
    no_skip: bool
    inserts: list[dict[str, Any]]


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
    planned: bool
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
