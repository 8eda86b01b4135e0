"""People: names, phone numbers, roles, and what makes a name or a password acceptable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.errors import BadRequest

NAME = re.compile(r"[a-z][a-z0-9_-]{2,31}")
CHINESE_MOBILE = re.compile(r"1[3-9]\d{9}")
PASSWORD_LENGTH = range(8, 129)
DISPLAY_NAME_LENGTH = range(1, 25)


class Role(StrEnum):
    """What somebody may do; one person can have several."""

    VIEWER = "viewer"
    HOST = "host"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account. `name` and `phone` are unique; the phone number is never shown to others."""

    id: str
    name: str
    display_name: str
    roles: frozenset[Role]
    phone: str | None
    created_at: datetime


def normalise_phone(text: str) -> str:
    """A Chinese mobile number as eleven digits, whatever spaces, dashes or +86 it was typed with.

    Raises:
        BadRequest
    """
    digits = re.sub(r"[\s\-()]", "", text).removeprefix("+86").removeprefix("0086")
    if not CHINESE_MOBILE.fullmatch(digits):
        raise BadRequest("phone: not a Chinese mobile number")
    return digits


def check_name(name: str) -> str:
    """A sign-in name in lower case. Raises BadRequest."""
    lowered = name.strip().lower()
    if not NAME.fullmatch(lowered):
        raise BadRequest("name: 3 to 32 letters, digits, - or _, beginning with a letter")
    return lowered


def check_display_name(text: str) -> str:
    """A name to show, one line without control characters. Raises BadRequest."""
    cleaned = " ".join("".join(ch for ch in text if ch.isprintable()).split())
    if len(cleaned) not in DISPLAY_NAME_LENGTH:
        raise BadRequest("display_name: 1 to 24 characters")
    return cleaned


def check_password(password: str) -> str:
    """A password long enough. Raises BadRequest."""
    if len(password) not in PASSWORD_LENGTH:
        raise BadRequest("password: 8 to 128 characters")
    return password


def login_key(login: str) -> tuple[str, str]:
    """Which field a login means, and its normal form: `("phone", "138…")` or `("name", "zhang")`."""
    try:
        return "phone", normalise_phone(login)
    except BadRequest:
        return "name", login.strip().lower()
