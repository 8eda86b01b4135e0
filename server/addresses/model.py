"""A person's addresses: which are acceptable, how many there are, and which one is taken without asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.accounts.model import normalise_phone
from server.catalog.model import check_line
from server.errors import Conflict, NotFound

NAME_LENGTH = range(1, 25)
ADDRESS_LENGTH = range(5, 121)
MOST_ADDRESSES = 20


@dataclass(frozen=True, slots=True)
class Contact:
    """Who gets a parcel, and where."""

    name: str
    phone: str
    address: str


@dataclass(frozen=True, slots=True)
class Address:
    """A contact that is kept, to be used again."""

    id: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class AddressBook:
    """The addresses of one person; the first one is the default. `version` counts the changes."""

    owner_id: str
    addresses: tuple[Address, ...] = ()
    version: int = 0

    def find(self, address_id: str) -> Address:
        """One of them. Raises NotFound (`unknown_address`)."""
        for address in self.addresses:
            if address.id == address_id:
                return address
        raise unknown_address()


def unknown_address() -> NotFound:
    """Nobody's, or somebody else's, which is the same to whoever asks."""
    return NotFound("there is no such address of yours", code="unknown_address")


def check_contact(name: str, phone: str, address: str) -> Contact:
    """A contact in its normal form. Raises BadRequest."""
    return Contact(
        name=check_line("name", name, NAME_LENGTH),
        phone=normalise_phone(phone),
        address=check_line("address", address, ADDRESS_LENGTH),
    )


def added(book: AddressBook, address: Address, *, is_default: bool) -> tuple[Address, ...]:
    """The addresses with a new one. Raises Conflict (`too_many_addresses`)."""
    if len(book.addresses) >= MOST_ADDRESSES:
        raise Conflict(f"at most {MOST_ADDRESSES} addresses; remove one first", code="too_many_addresses")
    return _placed(book.addresses, address, is_default=is_default)


def changed(book: AddressBook, address: Address, *, is_default: bool) -> tuple[Address, ...]:
    """The addresses with another content of one. Raises NotFound (`unknown_address`)."""
    book.find(address.id)
    if is_default:
        return _placed(removed(book, address.id), address, is_default=True)
    return tuple(address if one.id == address.id else one for one in book.addresses)


def removed(book: AddressBook, address_id: str) -> tuple[Address, ...]:
    """The addresses without one; the next is the default then. Raises NotFound (`unknown_address`)."""
    gone = book.find(address_id)
    return tuple(one for one in book.addresses if one is not gone)


def _placed(others: Sequence[Address], address: Address, *, is_default: bool) -> tuple[Address, ...]:
    return (address, *others) if is_default else (*others[:1], address, *others[1:])
