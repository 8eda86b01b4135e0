"""What Chinese payment providers have in common: the time of Beijing, and names that fit their fields."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))
# Providers refuse some of these in the name of what is paid.
UNWANTED = str.maketrans(dict.fromkeys("/=&\n\r\t", " "))


def beijing(moment: datetime) -> datetime:
    """A moment by Beijing's clocks, in whole seconds."""
    return moment.astimezone(BEIJING).replace(microsecond=0)


def plain_title(title: str, most_characters: int) -> str:
    """A title that a provider takes."""
    return title.translate(UNWANTED)[:most_characters]
