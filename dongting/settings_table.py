"""The table of settings in docs/operations.md, made from config/settings.py and the comments in it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic_core import PydanticUndefined

from config.settings import MediaSettings, ServerSettings, SharedSettings, WorkerSettings

BEGIN = "<!-- settings: made by `python -m dongting settings --write` -->\n"
END = "<!-- end of settings -->\n"
PROCESSES: dict[str, type[SharedSettings]] = {
    "server": ServerSettings,
    "worker": WorkerSettings,
    "media": MediaSettings,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One setting."""

    name: str
    default: str
    processes: str
    meaning: str


def rows() -> Iterator[Row]:
    """Every setting once, in the order of the source."""
    told: set[str] = set()
    for kind in (SharedSettings, ServerSettings, WorkerSettings, MediaSettings):
        comments = comments_of(kind)
        for field in kind.model_fields:
            if field in kind.__annotations__ and field not in told:
                told.add(field)
                yield Row(field.upper(), _default(kind, field), _users(field), comments.get(field, ""))


def _users(field: str) -> str:
    users = [process for process, kind in PROCESSES.items() if field in kind.model_fields]
    return "all" if len(users) == len(PROCESSES) else ", ".join(users)


def _default(kind: type[SharedSettings], field: str) -> str:
    default = kind.model_fields[field].default
    if default is PydanticUndefined:
        return "**required**"
    if default is None or default in ("", ()):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def comments_of(kind: type) -> dict[str, str]:
    """The comment lines right above each field of a class."""
    lines = inspect.getsource(kind).splitlines()
    found = {}
    for node in ast.walk(ast.parse(inspect.getsource(kind))):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            above: list[str] = []
            for line in reversed(lines[: node.lineno - 1]):
                if not line.strip().startswith("#"):
                    break
                above.insert(0, line.strip().removeprefix("#").strip())
            found[node.target.id] = " ".join(above)
    return found


def table() -> str:
    """The table in Markdown, between its two marks."""
    lines = ["| setting | default | process | meaning |", "|---|---|---|---|"]
    lines += [f"| `{row.name}` | {row.default} | {row.processes} | {row.meaning} |" for row in rows()]
    return BEGIN + "\n".join(lines) + "\n" + END


def put_into(document: str) -> str:
    """The document with the table of today.

    Raises:
        ValueError: it has no place for it.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no line {BEGIN.strip()!r} and {END.strip()!r} in the document")
    return before + table() + after
