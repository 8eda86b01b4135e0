"""Addresses in MongoDB: one document per person, so that limits and the default need no second write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from pymongo.errors import DuplicateKeyError

from server.addresses.model import Address, AddressBook, Contact
from server.infra.mongo import Database, Document


class AddressStore:
    """Collection `address_books`."""

    def __init__(self, database: Database) -> None:
        self._books = database["address_books"]

    async def get(self, owner_id: str) -> AddressBook:
        """Somebody's addresses; an empty book when he has none."""
        document = await self._books.find_one({"_id": owner_id})
        return AddressBook(owner_id) if document is None else _book(document)

    async def of_owners(self, owner_ids: Iterable[str]) -> dict[str, AddressBook]:
        """The books that there are of these people."""
        found = self._books.find({"_id": {"$in": sorted(set(owner_ids))}})
        return {document["_id"]: _book(document) async for document in found}

    async def replace(self, book: AddressBook, addresses: tuple[Address, ...]) -> bool:
        """Write a book if it is still the one that was read."""
        kept = {
            "addresses": [{"id": one.id, **asdict(one.contact)} for one in addresses],
            "version": book.version + 1,
        }
        try:
            done = await self._books.update_one(
                {"_id": book.owner_id, "version": book.version}, {"$set": kept}, upsert=book.version == 0
            )
        except DuplicateKeyError:
            return False  # another page has made the book meanwhile
        return done.modified_count == 1 or done.upserted_id is not None


def _book(document: Document) -> AddressBook:
    return AddressBook(
        owner_id=document["_id"],
        addresses=tuple(
            Address(one["id"], Contact(one["name"], one["phone"], one["address"])) for one in document["addresses"]
        ),
        version=document["version"],
    )
