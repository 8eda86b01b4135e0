"""Accounts and sign-in sessions in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.accounts.model import Role, User
from server.errors import Conflict
from server.infra.mongo import Database, Document

TEXT: Document = {"$type": "string"}  # in index and query alike: mongod does not see that what it compares is one


class AccountStore:
    """Collections `users` and `sessions`."""

    def __init__(self, database: Database) -> None:
        self._users = database["users"]
        self._sessions = database["sessions"]

    async def make_indexes(self) -> None:
        """Unique names and phone numbers; sessions go away when their time is over."""
        await self._users.create_index("name", unique=True)
        await self._users.create_index("phone", unique=True, partialFilterExpression={"phone": TEXT})
        await self._sessions.create_index("expires_at", expireAfterSeconds=0)

    async def add(self, user: User, password_hash: str) -> None:
        """Add a new account. Raises Conflict (`name_taken`, `phone_taken`)."""
        document = {
            "_id": user.id,
            "name": user.name,
            "display_name": user.display_name,
            "roles": sorted(user.roles),
            "phone": user.phone,
            "password_hash": password_hash,
            "created_at": user.created_at,
        }
        try:
            await self._users.insert_one(document)
        except DuplicateKeyError as error:
            taken = "phone" if "phone" in str((error.details or {}).get("keyPattern", "")) else "name"
            raise Conflict(f"this {taken} is taken", code=f"{taken}_taken") from None

    async def get(self, user_id: str) -> User | None:
        """One account."""
        document = await self._users.find_one({"_id": user_id})
        return None if document is None else _user(document)

    async def find_login(self, field: str, value: str) -> tuple[User, str] | None:
        """An account and its password hash, by name or phone."""
        document = await self._users.find_one({field: {"$eq": value, **TEXT}})
        return None if document is None else (_user(document), document["password_hash"])

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        """Replace a password hash."""
        await self._users.update_one({"_id": user_id}, {"$set": {"password_hash": password_hash}})

    async def add_role(self, user_id: str, role: Role) -> User | None:
        """Give an account a role."""
        return await self._change(user_id, {"$addToSet": {"roles": role}})

    async def drop_role(self, user_id: str, role: Role) -> User | None:
        """Take a role from an account."""
        return await self._change(user_id, {"$pull": {"roles": role}})

    async def _change(self, user_id: str, update: Document) -> User | None:
        document = await self._users.find_one_and_update(
            {"_id": user_id}, update, return_document=ReturnDocument.AFTER
        )
        return None if document is None else _user(document)

    async def add_session(self, token_hash: str, user_id: str, created_at: datetime, expires_at: datetime) -> None:
        """Remember a signed-in browser by the hash of its token."""
        await self._sessions.insert_one(
            {"_id": token_hash, "user_id": user_id, "created_at": created_at, "expires_at": expires_at}
        )

    async def session_users(self, token_hashes: Sequence[str], now: datetime) -> dict[str, User]:
        """Who these sessions belong to; those that are over are left out."""
        found = self._sessions.find({"_id": {"$in": list(token_hashes)}, "expires_at": {"$gt": now}})
        owners = {session["_id"]: session["user_id"] async for session in found}
        users = self._users.find({"_id": {"$in": list(set(owners.values()))}})
        by_id = {document["_id"]: _user(document) async for document in users}
        return {token_hash: by_id[owner] for token_hash, owner in owners.items() if owner in by_id}

    async def drop_session(self, token_hash: str) -> None:
        """Forget a session."""
        await self._sessions.delete_one({"_id": token_hash})


def _user(document: Document) -> User:
    return User(
        id=document["_id"],
        name=document["name"],
        display_name=document["display_name"],
        roles=frozenset(Role(role) for role in document["roles"]),
        phone=document["phone"],
        created_at=document["created_at"],
    )
