"""Errors that a caller can cause, each with a stable code and a sentence that is safe to show.

They become `application/problem+json` (RFC 9457) over HTTP and `{ok: false, error, detail}` over Socket.IO.
"""

from __future__ import annotations


class DomainError(Exception):
    """Something the caller can cause and should be told."""

    status = 400
    code = "bad_request"

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code


class BadRequest(DomainError):
    """The request is malformed, or a value in it is out of range."""


class SignInRequired(DomainError):
    """Nobody is signed in, or the password is wrong."""

    status = 401
    code = "sign_in_required"

    def __init__(self, detail: str = "please sign in first", code: str | None = None) -> None:
        super().__init__(detail, code)


class NotAllowed(DomainError):
    """Signed in, but not somebody who may do this."""

    status = 403
    code = "not_allowed"


class NotFound(DomainError):
    """There is no such thing, or it is none of the caller's business."""

    status = 404
    code = "not_found"


class Conflict(DomainError):
    """The thing's state does not allow this now, or somebody else was first."""

    status = 409
    code = "conflict"


class PreconditionFailed(DomainError):
    """The request expects what is not so here."""

    status = 412
    code = "precondition_failed"


class BodyTooLarge(DomainError):
    """The body is larger than the limit."""

    status = 413
    code = "body_too_large"


class UnsupportedType(DomainError):
    """The body is not of a kind that is served here."""

    status = 415
    code = "unsupported_type"


class RangeOutside(DomainError):
    """The asked range lies outside the object."""

    status = 416
    code = "range_not_satisfiable"


class TooManyRequests(DomainError):
    """Slower, please."""

    status = 429
    code = "too_many_requests"


class Unavailable(DomainError):
    """A server behind us does not answer; trying again later may help."""

    status = 503
    code = "unavailable"
