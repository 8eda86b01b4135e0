"""A cart: quantities, what changed since, its limit, and what a guest brings along."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from server.carts.model import MOST_LINES, Cart, CartLine, Wish, check_wishes, with_guests, with_quantities
from server.errors import BadRequest, Conflict, NotFound
from tests.unit.orders.making import NOW, make_product

LATER = NOW + timedelta(hours=1)
PRODUCTS = {one: make_product(one) for one in ("a", "b", "c")}


def make_cart(*ids: str, quantity: int = 1) -> Cart:
    return Cart("li", tuple(CartLine(one, quantity, 3990, NOW) for one in ids), len(ids))


def held(lines: tuple[CartLine, ...]) -> list[tuple[str, int]]:
    return [(line.product_id, line.quantity) for line in lines]


def test_what_is_new_comes_first_and_what_is_there_keeps_its_place() -> None:
    lines = with_quantities(make_cart("a", "b"), [Wish("c", 2), Wish("b", 5)], PRODUCTS, LATER)
    assert held(lines) == [("c", 2), ("a", 1), ("b", 5)]
    assert [line.added_at for line in lines] == [LATER, NOW, NOW]


def test_none_of_a_thing_takes_it_out_also_twice() -> None:
    assert held(with_quantities(make_cart("a", "b"), [Wish("a", 0), Wish("a", 0)], {}, NOW)) == [("b", 1)]


def test_a_line_keeps_the_price_it_had_until_its_owner_says_how_many_again() -> None:
    dearer = {"a": replace(PRODUCTS["a"], price_fen=4500), "b": PRODUCTS["b"]}
    (untouched, _) = with_quantities(make_cart("a", "b"), [Wish("b", 2)], dearer, LATER)
    assert untouched.price_fen == 3990
    (touched,) = with_quantities(make_cart("a"), [Wish("a", 2)], dearer, LATER)
    assert touched.price_fen == 4500


def test_what_does_not_exist_cannot_be_put_in() -> None:
    with pytest.raises(NotFound):
        with_quantities(make_cart(), [Wish("x", 1)], PRODUCTS, NOW)


def test_a_full_cart_takes_nothing_new_but_other_quantities() -> None:
    full = make_cart("a", *map(str, range(MOST_LINES - 1)))
    with pytest.raises(Conflict) as refused:
        with_quantities(full, [Wish("b", 1)], PRODUCTS, NOW)
    assert refused.value.code == "cart_full"
    assert held(with_quantities(full, [Wish("a", 7)], PRODUCTS, NOW))[0] == ("a", 7)
    assert held(with_quantities(full, [Wish("a", 0), Wish("b", 1)], PRODUCTS, NOW))[0] == ("b", 1)


def test_a_guests_cart_comes_along_and_twice_is_as_good_as_once() -> None:
    cart, wishes = make_cart("a", quantity=3), [Wish("b", 2, 3500), Wish("a", 1), Wish("x", 9)]
    lines = with_guests(cart, wishes, PRODUCTS, LATER)
    assert held(lines) == [("b", 2), ("a", 3)]
    assert lines[0].price_fen == 3500  # what the guest saw: the page says that it costs something else now
    assert with_guests(replace(cart, lines=lines), wishes, PRODUCTS, LATER) == lines


def test_what_has_no_room_stays_behind_when_a_guest_signs_in() -> None:
    full = make_cart(*map(str, range(MOST_LINES - 1)))
    lines = with_guests(full, [Wish("a", 1), Wish("b", 1)], PRODUCTS, NOW)
    assert (len(lines), lines[0].product_id) == (MOST_LINES, "a")


@pytest.mark.parametrize("wish", [Wish("a", -1), Wish("a", 1000), Wish("a", True), Wish("a", 1, 0)])
def test_impossible_values_are_refused(wish: Wish) -> None:
    with pytest.raises(BadRequest):
        check_wishes([wish])
