"""Who of a group gets some: stock, limits, coupons and addresses of orders with one line and with several."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.addresses.model import Address, AddressBook, Contact
from server.coupons.model import Coupon, CouponState
from server.errors import BadRequest
from server.orders.admission import MOST_LINES, Known, Wanted, Wish, check_wanted, order_number
from server.orders.model import Delivery, Source, SourceKind
from tests.unit.orders.making import NOW, SALE, admitted, codes, make_offer, make_product, make_request

PRODUCT = Source(SourceKind.PRODUCT, "p2")
TEA = make_product("p2")
UNTIL = NOW + timedelta(hours=1)


def make_coupon(coupon_id: str = "c1", user_id: str = "li", **changes: object) -> Coupon:
    fields = {"value_fen": 500, "min_total_fen": 900, "valid_until": UNTIL, "merchant_id": "m1", **changes}
    fields |= {"room_slug": "zhang", "host_name": "张红"}
    return Coupon(coupon_id, "d1", user_id, taken_at=NOW, **fields)  # type: ignore[arg-type]


def with_coupons(*coupons: Coupon) -> Known:
    return Known({}, {}, {coupon.id: coupon for coupon in coupons})


def test_the_first_to_come_get_what_there_is() -> None:
    admission = admitted([make_offer(free=3)], [make_request(f"b{n}") for n in range(5)])
    assert codes(admission) == ["held", "held", "held", "sold_out", "sold_out"]
    assert admission.pieces == {SALE: 3}


def test_the_limit_counts_what_a_buyer_has_already_and_what_he_gets_in_this_group() -> None:
    wishes = [make_request("li", "r1"), make_request("li", "r2"), make_request("wang", "r1", 2), make_request("wang")]
    known = Known({}, {SALE: {"li": 1}})
    assert codes(admitted([make_offer()], wishes, known)) == ["held", "limit_reached", "held", "limit_reached"]


def test_one_request_twice_in_a_group_is_one_order() -> None:
    admission = admitted([make_offer()], [make_request("li"), make_request("li")])
    assert admission.answers[0] is admission.answers[1]
    assert len(admission.new) == 1


def test_a_request_that_led_to_an_order_gets_it_again_though_the_sale_is_over() -> None:
    request = make_request("li")
    first = admitted([make_offer()], [request]).new[0]
    again = admitted([make_offer(is_open=False)], [request], Known({request.key: first}, {}))
    assert (again.answers, again.new) == ((first,), ())


def test_nothing_is_had_of_a_sale_that_is_over() -> None:
    assert codes(admitted([make_offer(is_open=False)], [make_request("li")])) == ["sale_closed"]


def test_a_product_without_stock_is_out_of_stock_rather_than_sold_out() -> None:
    request = check_wanted("li", Wanted("r", [Wish(PRODUCT, 1)]))
    offer = make_offer(free=0, per_buyer=None, sale_id=None, product=TEA)
    assert codes(admitted([offer], [request])) == ["out_of_stock"]


@given(
    free=st.integers(0, 30),
    per_buyer=st.integers(1, 5),
    wishes=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(1, 6)), max_size=40),
)
def test_a_group_never_gets_more_than_there_is_and_nobody_more_than_he_may(
    free: int, per_buyer: int, wishes: list[tuple[int, int, int]]
) -> None:
    requests = [make_request(f"b{buyer}", f"r{number}", quantity) for buyer, number, quantity in wishes]
    admission = admitted([make_offer(free, per_buyer)], requests)
    assert len(admission.answers) == len(requests)
    assert sum(order.lines[0].quantity for order in admission.new) == sum(admission.pieces.values()) <= free
    for buyer in {request.buyer_id for request in requests}:
        assert sum(order.lines[0].quantity for order in admission.new if order.buyer_id == buyer) <= per_buyer
    assert len({(order.buyer_id, order.request_id) for order in admission.new}) == len(admission.new)
    assert all(order.total_fen == 990 * order.lines[0].quantity for order in admission.new)


def test_two_lines_of_one_source_are_one_line_with_their_sum() -> None:
    request = check_wanted("li", Wanted("r", [Wish(SALE, 1), Wish(PRODUCT, 3), Wish(SALE, 1)]))
    assert request.sources == (PRODUCT, SALE)
    assert request.quantities == (3, 2)


def test_an_order_of_several_sources_gets_all_of_them_or_nothing() -> None:
    # given: three pieces at the normal price, of which two are left after the first order, and a sale with plenty
    offers = [make_offer(3, None, sale_id=None, product=TEA, price_fen=2000), make_offer(10, 9, hold_seconds=60)]
    wishes = [
        check_wanted(buyer, Wanted("r", [Wish(PRODUCT, tea), Wish(SALE, oranges)]))
        for buyer, tea, oranges in (("li", 1, 2), ("wang", 3, 1), ("zhao", 2, 9))
    ]

    # when
    admission = admitted(offers, wishes)

    # then: who was refused has taken nothing of either
    assert codes(admission) == ["held", "out_of_stock", "sold_out"]
    assert admission.pieces == {PRODUCT: 1, SALE: 2}
    (order,) = admission.new
    assert [(line.sale_id, line.product_id, line.quantity) for line in order.lines] == [
        (None, "p2", 1),
        ("s1", "p1", 2),
    ]
    assert order.total_fen == 2000 + 2 * 990
    assert order.hold_until == NOW + timedelta(seconds=60)  # no piece is kept longer than its source allows


def test_limits_hold_for_each_source_of_an_order() -> None:
    offers = [make_offer(9, None, sale_id=None, product=TEA), make_offer(9, 3, per_order=2)]

    def wish(buyer: str, oranges: int) -> Wanted:
        return Wanted(f"r-{buyer}", [Wish(PRODUCT, 9), Wish(SALE, oranges)])

    known = Known({}, {SALE: {"wang": 2}})
    requests = [check_wanted(buyer, wish(buyer, oranges)) for buyer, oranges in (("li", 3), ("wang", 2), ("zhao", 2))]
    assert codes(admitted(offers, requests, known)) == ["limit_reached", "limit_reached", "held"]


def test_one_order_is_of_one_merchant() -> None:
    offers = [make_offer(sale_id=None, product=make_product("p2", "another")), make_offer()]
    request = check_wanted("li", Wanted("r", [Wish(PRODUCT, 1), Wish(SALE, 1)]))
    admission = admitted(offers, [request])
    assert codes(admission) == ["several_merchants"]
    assert admission.pieces == {}


def test_a_coupon_takes_its_value_off_the_sum_of_all_lines() -> None:
    offers = [make_offer(9, None, sale_id=None, product=TEA, price_fen=600), make_offer(9, 9)]
    request = check_wanted("li", Wanted("r", [Wish(PRODUCT, 1), Wish(SALE, 1)], coupon_id="c1"))
    known = Known({}, {}, {"c1": make_coupon(min_total_fen=1590)})
    admission = admitted(offers, [request], known)
    (order,) = admission.new
    assert (order.coupon_id, order.discount_fen, order.total_fen) == ("c1", 500, 1090)
    assert admission.coupons == {"c1": order.id}


@pytest.mark.parametrize(
    ("coupon", "code"),
    [
        (make_coupon(min_total_fen=991), "coupon_not_usable"),
        (make_coupon(merchant_id="another"), "coupon_not_usable"),
        (make_coupon(valid_until=NOW), "coupon_not_usable"),
        (make_coupon(state=CouponState.USED, order_id="o"), "coupon_not_usable"),
        (make_coupon(user_id="wang"), "unknown_coupon"),
        (make_coupon("c2"), "unknown_coupon"),
    ],
)
def test_a_coupon_that_does_not_fit_is_refused_and_takes_no_piece(coupon: Coupon, code: str) -> None:
    admission = admitted([make_offer()], [make_request("li", coupon_id="c1")], with_coupons(coupon))
    assert codes(admission) == [code]
    assert (admission.pieces, admission.coupons) == ({}, {})


def test_one_coupon_is_in_one_order_of_a_group() -> None:
    requests = [make_request("li", request, coupon_id="c1") for request in ("r1", "r2", "r1")]
    admission = admitted([make_offer()], requests, with_coupons(make_coupon()))
    assert codes(admission) == ["held", "coupon_not_usable", "held"]


def test_at_least_one_fen_is_left_to_pay() -> None:
    known = with_coupons(make_coupon(value_fen=2000))
    (order,) = admitted([make_offer()], [make_request("li", coupon_id="c1")], known).new
    assert (order.discount_fen, order.total_fen) == (989, 1)


def test_a_saved_address_is_copied_and_anothers_is_unknown() -> None:
    home = Address("a1", Contact("李明", "13800138000", "华容县迎宾路8号"))
    known = Known({}, {}, books={"li": AddressBook("li", (home,))})
    requests = [make_request("li", address_id="a1"), make_request("wang", address_id="a1"), make_request("zhao")]
    admission = admitted([make_offer()], requests, known)
    assert codes(admission) == ["held", "unknown_address", "held"]
    deliveries = [order.delivery for order in admission.new]
    assert deliveries == [Delivery("李明", "13800138000", "华容县迎宾路8号"), None]


def test_an_invoice_note_goes_with_the_address_in_its_normal_form() -> None:
    home = Address("a1", Contact("李明", "13800138000", "华容县迎宾路8号"))
    known = Known({}, {}, books={"li": AddressBook("li", (home,))})
    wanted = Wanted("r", [Wish(SALE, 1)], address_id="a1", invoice_note=" 华容小学\n12430623X ")
    (order,) = admitted([make_offer()], [check_wanted("li", wanted)], known).new
    assert order.delivery == Delivery("李明", "13800138000", "华容县迎宾路8号", "华容小学 12430623X")


@pytest.mark.parametrize(("note", "address_id"), [("华容小学", None), ("字" * 121, "a1")])
def test_an_invoice_note_without_an_address_or_too_long_is_refused(note: str, address_id: str | None) -> None:
    with pytest.raises(BadRequest):
        check_wanted("li", Wanted("r", [Wish(SALE, 1)], address_id=address_id, invoice_note=note))


def test_an_order_number_has_the_day_in_china_and_letters_that_cannot_be_misread() -> None:
    assert order_number(NOW, 0) == "20261123-0000000000"
    assert order_number(NOW, 2**50 - 1) == "20261123-ZZZZZZZZZZ"
    assert order_number(NOW, 33) == "20261123-0000000011"


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 2**80, True, 1.0, "1", None])
def test_an_impossible_quantity_is_refused(quantity: object) -> None:
    with pytest.raises(BadRequest):
        check_wanted("li", Wanted("r1", [Wish(SALE, 1), Wish(SALE, quantity)]))  # type: ignore[arg-type]


def test_a_sum_beyond_the_bounds_is_refused_like_a_single_quantity() -> None:
    with pytest.raises(BadRequest):
        check_wanted("li", Wanted("r1", [Wish(SALE, 1_000_000), Wish(SALE, 1)]))


@pytest.mark.parametrize("count", [0, MOST_LINES + 1])
def test_an_order_without_lines_or_with_too_many_is_refused(count: int) -> None:
    with pytest.raises(BadRequest):
        check_wanted("li", Wanted("r1", [Wish(SALE, 1)] * count))


@pytest.mark.parametrize("request_id", ["", "x" * 65, "with space", "半", "a\n", "$where"])
def test_an_impossible_request_id_is_refused(request_id: str) -> None:
    with pytest.raises(BadRequest):
        make_request("li", request_id)
