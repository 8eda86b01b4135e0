"""A question as the page sees it."""

from __future__ import annotations

from typing import Any

from server.questions.model import Question
from server.wire import iso


def question_shape(question: Question) -> dict[str, Any]:
    """`Question`"""
    return {
        "id": question.id,
        "author_id": question.author_id,
        "author_name": question.author_name,
        "text": question.text,
        "at": iso(question.at),
        "state": question.state,
        "pinned": question.is_pinned,
        "answer": question.answer,
        "answered_by": question.answered_by,
        "answered_at": iso(question.answered_at),
    }
