"""Routes: session and registration."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from server.accounts.model import User
from server.accounts.service import Accounts
from server.http import SESSION_COOKIE, USER, Body, Routes, answer, parse_body


class SignIn(Body):
    """`POST /api/session`"""

    login: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


class Register(Body):
    """`POST /api/accounts`"""

    name: str = Field(max_length=64)
    password: str = Field(max_length=256)
    display_name: str = Field(max_length=64)
    phone: str | None = Field(None, max_length=32)


def user_shape(user: User) -> dict[str, Any]:
    """A user as the page sees him; the phone number stays here."""
    return {"id": user.id, "name": user.name, "display_name": user.display_name, "roles": sorted(user.roles)}


def account_routes(accounts: Accounts, *, secure_cookie: bool, session_days: int) -> Routes:
    """Routes of this noun."""

    def signed_in(user: User, token: str, status: int = 200) -> web.Response:
        response = answer({"user": user_shape(user)}, status)
        response.set_cookie(
            SESSION_COOKIE,
            token,
            max_age=session_days * 86_400,
            httponly=True,
            samesite="Lax",
            secure=secure_cookie,
            path="/",
        )
        return response

    async def get_session(request: web.Request) -> web.Response:
        user = request.get(USER)
        return answer({"user": user_shape(user) if user else None})

    async def sign_in(request: web.Request) -> web.Response:
        body = await parse_body(request, SignIn)
        user, token = await accounts.sign_in(body.login, body.password, request.remote or "")
        return signed_in(user, token)

    async def sign_out(request: web.Request) -> web.Response:
        if token := request.cookies.get(SESSION_COOKIE):
            await accounts.sign_out(token)
        response = web.Response(status=204)
        response.del_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="Lax", secure=secure_cookie)
        return response

    async def register(request: web.Request) -> web.Response:
        body = await parse_body(request, Register)
        user = await accounts.register(
            body.name, body.password, body.display_name, body.phone, address=request.remote or ""
        )
        return signed_in(user, await accounts.open_session(user), 201)

    return [
        web.get("/api/session", get_session),
        web.post("/api/session", sign_in),
        web.delete("/api/session", sign_out),
        web.post("/api/accounts", register),
    ]
