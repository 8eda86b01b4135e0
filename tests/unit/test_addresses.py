"""A person's addresses: a default there always is, a limit, and what is no address."""

from __future__ import annotations

import pytest

from server.addresses.model import (
    MOST_ADDRESSES,
    Address,
    AddressBook,
    Contact,
    added,
    changed,
    check_contact,
    removed,
)
from server.errors import BadRequest, Conflict, NotFound

HOME = Contact("李明", "13800138000", "岳阳市华容县章华镇迎宾路8号")


def make_book(*ids: str) -> AddressBook:
    return AddressBook("li", tuple(Address(one, HOME) for one in ids), len(ids))


def ids(addresses: tuple[Address, ...]) -> list[str]:
    return [one.id for one in addresses]


def test_the_first_address_is_the_default_and_a_new_one_takes_its_place_only_when_asked() -> None:
    assert ids(added(make_book(), Address("a", HOME), is_default=False)) == ["a"]
    assert ids(added(make_book("a", "b"), Address("c", HOME), is_default=False)) == ["a", "c", "b"]
    assert ids(added(make_book("a", "b"), Address("c", HOME), is_default=True)) == ["c", "a", "b"]


def test_a_changed_address_keeps_its_place_or_becomes_the_default() -> None:
    new = Address("b", Contact("王五", "13900139000", "岳阳楼区南湖大道1号"))
    assert changed(make_book("a", "b", "c"), new, is_default=False) == (Address("a", HOME), new, Address("c", HOME))
    assert ids(changed(make_book("a", "b", "c"), new, is_default=True)) == ["b", "a", "c"]


def test_when_the_default_is_removed_the_next_one_is_it() -> None:
    assert ids(removed(make_book("a", "b", "c"), "a")) == ["b", "c"]


def test_what_is_not_in_the_book_can_be_neither_changed_nor_removed() -> None:
    with pytest.raises(NotFound) as refused:
        removed(make_book("a"), "x")
    assert refused.value.code == "unknown_address"
    with pytest.raises(NotFound):
        changed(make_book("a"), Address("x", HOME), is_default=True)


def test_there_is_a_limit() -> None:
    with pytest.raises(Conflict) as refused:
        added(make_book(*map(str, range(MOST_ADDRESSES))), Address("x", HOME), is_default=True)
    assert refused.value.code == "too_many_addresses"


def test_a_contact_is_kept_in_its_normal_form() -> None:
    assert check_contact(" 李  明\n", "+86 138-0013-8000", HOME.address) == HOME.__class__(
        "李 明", "13800138000", HOME.address
    )


@pytest.mark.parametrize(
    ("name", "phone", "address"),
    [
        ("", HOME.phone, HOME.address),
        ("x" * 25, HOME.phone, HOME.address),
        (HOME.name, "12345", HOME.address),
        (HOME.name, "", HOME.address),
        (HOME.name, HOME.phone, "村口"),
        (HOME.name, HOME.phone, "x" * 121),
    ],
)
def test_what_is_no_contact_is_refused(name: str, phone: str, address: str) -> None:
    with pytest.raises(BadRequest):
        check_contact(name, phone, address)
