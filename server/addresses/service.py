"""What people do with their addresses: keep one, change it, remove it, say which is taken without asking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from server.accounts.model import User
from server.addresses.model import Address, AddressBook, added, changed, check_contact, removed
from server.errors import Conflict
from server.ids import new_id

TRIES = 5  # a person has few pages open


class Store(Protocol):
    """What this service keeps."""

    async def get(self, owner_id: str) -> AddressBook: ...
    async def replace(self, book: AddressBook, addresses: tuple[Address, ...]) -> bool: ...


class Addresses:
    """Addresses of all people, each seen by its owner alone; an order keeps a copy of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mine(self, owner: User) -> tuple[Address, ...]:
        """One's own addresses, the default first."""
        return (await self._store.get(owner.id)).addresses

    async def add(self, owner: User, name: str, phone: str, address: str, *, is_default: bool) -> Address:
        """Keep an address; one's first is the default anyway. Raises BadRequest, Conflict (`too_many_addresses`)."""
        new = Address(new_id(), check_contact(name, phone, address))
        await self._write(owner, lambda book: added(book, new, is_default=is_default))
        return new

    async def change(
        self, owner: User, address_id: str, name: str, phone: str, address: str, *, is_default: bool
    ) -> Address:
        """Another content for an address, which becomes the default if asked. Raises BadRequest, NotFound."""
        new = Address(address_id, check_contact(name, phone, address))
        await self._write(owner, lambda book: changed(book, new, is_default=is_default))
        return new

    async def remove(self, owner: User, address_id: str) -> None:
        """Forget an address; orders keep their copies. Raises NotFound (`unknown_address`)."""
        await self._write(owner, lambda book: removed(book, address_id))

    async def _write(self, owner: User, decide: Callable[[AddressBook], tuple[Address, ...]]) -> None:
        for _ in range(TRIES):
            book = await self._store.get(owner.id)
            if await self._store.replace(book, decide(book)):
                return
        raise Conflict("your addresses are changing; please try again")
