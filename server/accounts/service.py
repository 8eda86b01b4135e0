"""What people do with their accounts: register, sign in, sign out."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from config.clock import Clock
from config.tasks import Tasks
from server.accounts.model import (
    Role,
    User,
    check_display_name,
    check_name,
    check_password,
    login_key,
    normalise_phone,
)
from server.errors import NotFound, SignInRequired
from server.ids import new_id
from server.infra.announce import user_channel
from server.infra.together import Together

TOKEN_BYTES = 32
ROLES = "roles"  # tells all of a person's pages, and so all servers that have one
SIGN_IN_LIMIT = "10/minute"  # per login and per address: argon2 makes each try cost us 30 ms too
REGISTER_LIMIT = "20/hour"  # per address: a village office shares one
HASHES_AT_ONCE = 2  # each takes 64 MiB; more sign-ins wait their turn
# Of a password that nobody knows: what is typed for a name that does not exist is tried against it.
NOBODYS_HASH = "$argon2id$v=19$m=65536,t=3,p=4$adkMKgKJPevvvqHlZnqCYw$6JmsVWHkS0JXbAFpyHxEDjSFfTJfZ6nmSXrS3UZiigI"


class Store(Protocol):
    """What this service keeps."""

    async def add(self, user: User, password_hash: str) -> None: ...
    async def get(self, user_id: str) -> User | None: ...
    async def find_login(self, field: str, value: str) -> tuple[User, str] | None: ...
    async def set_password_hash(self, user_id: str, password_hash: str) -> None: ...
    async def add_role(self, user_id: str, role: Role) -> User | None: ...
    async def drop_role(self, user_id: str, role: Role) -> User | None: ...
    async def add_session(
        self, token_hash: str, user_id: str, created_at: datetime, expires_at: datetime
    ) -> None: ...
    async def session_users(self, token_hashes: Sequence[str], now: datetime) -> dict[str, User]: ...
    async def drop_session(self, token_hash: str) -> None: ...


class Voice(Protocol):
    """Tells somebody's pages."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...


class Limits(Protocol):
    """Counts tries."""

    async def check(self, limit: str, *who: str) -> None: ...


class Accounts:
    """Registering, signing in and out. Tokens are 256 random bits; only their SHA-256 is kept."""

    def __init__(
        self, store: Store, limits: Limits, voice: Voice, clock: Clock, tasks: Tasks, session_days: int
    ) -> None:
        self._store = store
        self._voice = voice
        self._limits = limits
        self._clock = clock
        self._session_days = session_days
        self._sessions = Together("asking for sessions", tasks, self._find_users)
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(HASHES_AT_ONCE)

    async def register(
        self,
        name: str,
        password: str,
        display_name: str,
        phone: str | None,
        *,
        roles: frozenset[Role] = frozenset({Role.VIEWER}),
        address: str | None = None,
    ) -> User:
        """Make an account. Raises BadRequest, Conflict, TooManyRequests."""
        user = User(
            id=new_id(),
            name=check_name(name),
            display_name=check_display_name(display_name),
            roles=roles,
            phone=normalise_phone(phone) if phone else None,
            created_at=self._clock.now(),
        )
        check_password(password)
        if address is not None:
            await self._limits.check(REGISTER_LIMIT, "register", address)
        await self._store.add(user, await self._hash(password))
        return user

    async def sign_in(self, login: str, password: str, address: str) -> tuple[User, str]:
        """Answer the user and a new session token.

        A wrong name costs as much time as a wrong password, so that names can't be found out.

        Raises:
            SignInRequired (`wrong_credentials`), TooManyRequests
        """
        field, value = login_key(login)
        await self._limits.check(SIGN_IN_LIMIT, "sign-in-address", address)
        await self._limits.check(SIGN_IN_LIMIT, "sign-in-login", value)
        found = await self._store.find_login(field, value)
        matches = await self._matches(found[1] if found else NOBODYS_HASH, password)
        if found is None or not matches:
            raise SignInRequired("the name or the password is wrong", code="wrong_credentials")
        user, kept_hash = found
        if self._hasher.check_needs_rehash(kept_hash):
            await self._store.set_password_hash(user.id, await self._hash(password))
        return user, await self.open_session(user)

    async def open_session(self, user: User) -> str:
        """A new session token for somebody who proved who he is."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.now()
        await self._store.add_session(_token_hash(token), user.id, now, now + timedelta(days=self._session_days))
        return token

    async def find_user(self, token: str) -> User | None:
        """Who a session token belongs to."""
        return await self._sessions.get(_token_hash(token))

    async def find_name(self, name: str) -> User | None:
        """The account with this sign-in name."""
        found = await self._store.find_login("name", check_name(name))
        return found[0] if found else None

    async def get_by_name(self, name: str) -> User:
        """The same, if there is one. Raises BadRequest, NotFound."""
        return _known(await self.find_name(name))

    async def give_role(self, user: User, role: Role) -> User:
        """Let somebody do more, from now on. Raises NotFound."""
        return await self._tell_roles(_known(await self._store.add_role(user.id, role)))

    async def take_role(self, user: User, role: Role) -> User:
        """Let somebody do less, from now on. Raises NotFound."""
        return await self._tell_roles(_known(await self._store.drop_role(user.id, role)))

    async def _tell_roles(self, user: User) -> User:
        """Every server that has pages of his lets them connect anew."""
        await self._voice.tell(user_channel(user.id), ROLES, {"roles": sorted(user.roles)})
        return user

    async def sign_out(self, token: str) -> None:
        """Forget a session."""
        await self._store.drop_session(_token_hash(token))

    async def _find_users(self, token_hashes: Sequence[str]) -> dict[str, User]:
        return await self._store.session_users(token_hashes, self._clock.now())

    async def _hash(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def _matches(self, kept_hash: str, password: str) -> bool:
        async with self._turns:
            try:
                return await asyncio.to_thread(self._hasher.verify, kept_hash, password)
            except (VerificationError, InvalidHashError):
                return False


def _known(user: User | None) -> User:
    if user is None:
        raise NotFound("there is no such account")
    return user


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
