"""A session as the HTTP client sees it: the thing behind a Location."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from media.passes import Pass
from media.session import Session
from media.viewer import Viewer


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One session with what its later requests need."""

    session: Session
    slug: str
    answer: str
    mids: tuple[str, ...]
    key_digest: bytes | None  # of the stream key, for publishers
    client: str = ""  # whose address it was opened from, as admission counts it
    viewer: Viewer | None = None  # for those who play
    is_copy: bool = False  # another node plays, for viewers of its own
    shown: Pass | None = None  # who plays, if he said so

    @property
    def is_publisher(self) -> bool:
        """Whether somebody with a key sends here."""
        return self.key_digest is not None

    @property
    def is_connecting(self) -> bool:
        """Whether its DTLS is not up yet."""
        return self.session.is_connecting


def digest(key: str) -> bytes:
    """What is kept of a stream key, to compare with."""
    return hashlib.sha256(key.encode()).digest()


def new_session_id(node_id: str) -> str:
    """An unguessable id that says which node has the session."""
    return f"{node_id}.{secrets.token_urlsafe(24)}"


def node_of(session_id: str) -> str:
    """The node that has this session; "" when the id is none of ours."""
    return session_id.rpartition(".")[0]
