"""Whatever buyers, host, time and a payment provider do, in any order: each piece and each fen is accounted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from config.settings import ServerSettings
from server.accounts.model import User
from server.addresses.model import Contact
from server.coupons.model import Coupon
from server.errors import DomainError
from server.flash.model import Sale, SaleChanges
from server.orders.model import PLACES, STEPS, Delivery, Order, OrderState, Place, Shipment, next_state
from server.payments.model import Payment, PaymentState
from tests.integration.commerce.rig import MovedClock, Rig, make_user, of_product, of_sale, open_rig

STOCK = 8
EXAMPLES = 12
STEPS_IN_EXAMPLE = 25
BUYERS = 3
buyers = st.integers(0, BUYERS - 1)
ways = st.sampled_from(["sandbox", "sandbox", "rival"])
few = st.sampled_from([1, 1, 1, 2])
requests = st.integers(0, 40)  # now and then one comes again
DEPOT = Contact("张红", "13800138001", "岳阳市华容县章华镇果园路1号")
DELIVERY = Delivery("李明", "13800138000", "岳阳市华容县章华镇迎宾路8号")
T = TypeVar("T")
MONEY_FOR_STATE: dict[OrderState, set[PaymentState | None]] = {
    OrderState.HELD: {None},
    OrderState.CANCELLED: {None},
    OrderState.EXPIRED: {None},
    OrderState.PAID: {PaymentState.PAID},
    OrderState.SHIPPED: {PaymentState.PAID},
    OrderState.RECEIVED: {PaymentState.PAID},
    OrderState.REFUNDED: {PaymentState.REFUNDED},
    OrderState.RETURN_ASKED: {PaymentState.PAID},
    OrderState.RETURN_REFUSED: {PaymentState.PAID},
    OrderState.RETURN_AGREED: {PaymentState.PAID},
    OrderState.RETURN_SENT: {PaymentState.PAID},
    OrderState.RETURN_DISPUTED: {PaymentState.PAID},
    OrderState.WRITTEN_OFF_REFUNDED: {PaymentState.REFUNDED},
}


class Runner:
    """One event loop and one rig for the whole search; each example has a stall of its own."""

    def __init__(self, loop: asyncio.Runner, rig: Rig, clock: MovedClock) -> None:
        self.loop = loop
        self.rig = rig
        self.clock = clock

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)


class Shop(RuleBasedStateMachine):
    """A host, three buyers, a product of eight pieces."""

    runner: Runner

    def __init__(self) -> None:
        super().__init__()
        self.rig = self.runner.rig
        self.orders: dict[str, tuple[User, Order]] = {}
        self.requests: dict[tuple[str, str], str] = {}
        self.callbacks: list[tuple[bytes, str]] = []
        self.tills: list[Payment] = []
        self.sales: list[Sale] = []
        self.limits: dict[str, int] = {}
        self.coupons: list[Coupon] = []

    @initialize(quantity=st.integers(1, 4), per_buyer=st.integers(1, 2))
    def begin(self, quantity: int, per_buyer: int) -> None:
        self.host, self.product = self.runner.do(self.rig.stall(stock=STOCK))
        self.buyers = [make_user(f"{self.product.id}-{n}") for n in range(BUYERS)]
        merchant_id = self.product.merchant_id
        self.coupons = [self.runner.do(self.rig.give_coupon(user, merchant_id)) for user in self.buyers]
        self.open_sale(quantity, per_buyer)

    @rule(quantity=st.integers(1, 4), per_buyer=st.integers(1, 2))
    def open_sale(self, quantity: int, per_buyer: int) -> None:
        with suppress(DomainError):
            terms = {"quantity": quantity, "per_buyer": min(per_buyer, quantity), "hold_seconds": 60}
            opened = self.rig.open_sale(self.host, self.product, duration_seconds=200, **terms)
            self.sales.append(self.runner.do(opened))

    @rule(more=st.integers(-3, 3), per_buyer=st.sampled_from([None, 1, 2]), seconds=st.sampled_from([None, 30, 300]))
    def change_sale(self, more: int, per_buyer: int | None, seconds: int | None) -> None:
        changes = SaleChanges(more=more, per_buyer=per_buyer, per_order=None, remaining_seconds=seconds)
        with suppress(DomainError):
            sale = self.runner.do(self.rig.sales.change(self.host, self.sales[-1].id, changes)).sale
            self.limits[sale.id] = max(self.limits.get(sale.id, 0), sale.per_buyer)

    @rule()
    def close_sale(self) -> None:
        self.runner.do(self.rig.sales.close(self.host, self.sales[-1].id))

    @rule(buyer=buyers, quantity=few, request=requests)
    def order_in_sale(self, buyer: int, quantity: int, request: int) -> None:
        place = self.rig.place_in_sale
        user = self.buyers[buyer]
        self._place(user, f"r{request}", place(user, self.sales[-1].id, f"r{request}", quantity))

    @rule(buyer=buyers, quantity=st.integers(1, 6), request=requests)
    def buy(self, buyer: int, quantity: int, request: int) -> None:
        user = self.buyers[buyer]
        self._place(user, f"r{request}", self.rig.buy(user, self.product.id, f"r{request}", quantity))

    @rule(
        buyer=buyers,
        of_sales=st.lists(few, max_size=2),
        at_normal_price=few,
        with_coupon=st.booleans(),
        request=requests,
    )
    def order_several(
        self, buyer: int, of_sales: list[int], at_normal_price: int, with_coupon: bool, request: int
    ) -> None:
        user = self.buyers[buyer]
        newest = reversed(self.sales[-2:])  # the last two sales and the product itself share the stock
        wishes = [of_sale(sale.id, quantity) for sale, quantity in zip(newest, of_sales, strict=False)]
        more = {"coupon_id": self.coupons[buyer].id} if with_coupon else {}
        wishes.append(of_product(self.product.id, at_normal_price))
        self._place(user, f"r{request}", self.rig.place(user, f"r{request}", *wishes, **more))

    def _place(self, buyer: User, request: str, work: Coroutine[Any, Any, Order]) -> None:
        with suppress(DomainError):
            order = self.runner.do(work)
            assert self.requests.setdefault((buyer.id, request), order.id) == order.id
            self.orders[order.id] = buyer, order

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), way=ways)
    def go_to_pay(self, data: st.DataObject, way: str) -> None:
        buyer, order = self._pick(data)
        with suppress(DomainError):
            self.tills.append(self.runner.do(self.rig.go_to_pay(buyer, order, way)))

    @precondition(lambda self: self.tills)
    @rule(data=st.data(), too_late_to_close=st.booleans())
    def press_pay(self, data: st.DataObject, too_late_to_close: bool) -> None:
        payment = data.draw(st.sampled_from(self.tills))
        self.runner.do(self._press(payment, too_late_to_close))

    async def _press(self, payment: Payment, too_late_to_close: bool) -> None:
        if too_late_to_close:  # some providers take money for what was put aside
            bills = self.rig.database["sandbox_bills"]
            await bills.update_one({"_id": payment.id, "state": "closed"}, {"$set": {"state": "open"}})
        with suppress(AssertionError):
            self.callbacks.append((await self.rig.pay_at_till(payment), payment.provider))

    @precondition(lambda self: self.callbacks)
    @rule(data=st.data())
    def a_callback_comes(self, data: st.DataObject) -> None:
        self.runner.do(self.rig.call_back(*data.draw(st.sampled_from(self.callbacks))))

    @rule(buyer=buyers, request=requests, rival=st.booleans())
    def a_payment_comes_late(self, buyer: int, request: int, rival: bool) -> None:
        self.order_in_sale(buyer, 1, request)
        order_id = self.requests.get((self.buyers[buyer].id, f"r{request}"))
        if order_id is None:
            return
        user, order = self.orders[order_id]
        with suppress(DomainError):
            body = self.runner.do(self.rig.press_pay(user, order))
            self.callbacks.append((body, "sandbox"))
            self.runner.clock.pass_seconds(61)
            self.runner.do(self.rig.clockwork.sweep())
            if rival:
                self.order_in_sale((buyer + 1) % BUYERS, 2, request)
                self.order_in_sale((buyer + 2) % BUYERS, 2, request)
            self.runner.do(self.rig.call_back(body))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        buyer, order = self._pick(data)
        with suppress(DomainError):
            self.runner.do(self.rig.orders.cancel(buyer, order.id))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        _, order = self._pick(data)
        with suppress(DomainError):
            self.runner.do(self.rig.payments.refund_for(self.host, order.id))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        buyer, order = self._pick(data)
        with suppress(DomainError):
            self.runner.do(self.rig.orders.deliver_to(buyer, order.id, DELIVERY))
            self.runner.do(self.rig.orders.ship(self.host, order.id, Shipment("顺丰", "SF1001")))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def receive(self, data: st.DataObject) -> None:
        buyer, order = self._pick(data)
        with suppress(DomainError):
            self.runner.do(self.rig.orders.receive(buyer, order.id))

    @precondition(lambda self: self.orders)
    @rule(
        data=st.data(), refused=st.booleans(), withdrawn=st.booleans(), restock=st.sampled_from([True, False, None])
    )
    def send_back(self, data: st.DataObject, refused: bool, withdrawn: bool, restock: bool | None) -> None:
        buyer, order = self._pick(data)
        with suppress(DomainError):
            self.runner.do(self._send_back(buyer, order.id, refused, withdrawn, restock))

    async def _send_back(
        self, buyer: User, order_id: str, refused: bool, withdrawn: bool, restock: bool | None
    ) -> None:
        returns = self.rig.returns
        state = (await self.rig.orders.get(buyer, order_id)).state
        if state is OrderState.PAID:  # so that it comes so far often enough
            await self.rig.orders.deliver_to(buyer, order_id, DELIVERY)
            await self.rig.orders.ship(self.host, order_id, Shipment("顺丰", "SF1001"))
        if state is OrderState.RETURN_DISPUTED:
            work = self.rig.parcels.pay_back if restock else returns.reject
            await work(order_id, "看过单号了")
            return
        if state is not OrderState.RETURN_SENT:
            await returns.ask(buyer, order_id, "坏了三个")
            if refused:
                await returns.refuse(self.host, order_id, "照片上看不出来")
            await returns.agree(self.host, order_id, DEPOT)
            if withdrawn:
                await returns.withdraw(buyer, order_id)
            await returns.send_back(buyer, order_id, Shipment("顺丰", "SF2002"))
        if restock is not None:
            await self.rig.parcels.arrived(self.host, order_id, restock=restock)
        elif refused:
            await returns.dispute(self.host, order_id, "没收到")

    @rule(seconds=st.sampled_from([61, 61, 61, 10, 201, 901, 11 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.runner.clock.pass_seconds(seconds)
        self.runner.do(self._sweep())

    @rule()
    def time_passes_unnoticed(self) -> None:
        self.runner.clock.pass_seconds(61)

    async def _sweep(self) -> None:
        await self.rig.clockwork.sweep()
        await self.rig.sales.sweep()
        await self.rig.parcels.sweep()
        await self.rig.payments.sweep()

    @invariant()
    def pieces_limits_and_money_are_right(self) -> None:
        self.runner.do(self._check())

    async def _check(self) -> None:
        await self.rig.check_ledger(self.product, STOCK)
        orders = await self.rig.database["orders"].find({"lines.product_id": self.product.id}).to_list()
        payments = (
            await self.rig.database["payments"]
            .find({"order_id": {"$in": [order["_id"] for order in orders]}})
            .to_list()
        )
        money = {payment["order_id"]: PaymentState(payment["state"]) for payment in payments if payment["wins"]}
        for payment in payments:  # what comes second goes back, at once or with the next sweep
            surplus = payment["state"] == PaymentState.PAID and not payment["wins"]
            assert not surplus or payment["look_at"] is not None, payment
        assert max(Counter(one["order_id"] for one in payments if one["wins"]).values(), default=0) <= 1
        has: Counter[tuple[str, str]] = Counter()
        for order in orders:
            state = OrderState(order["state"])
            assert money.get(order["_id"]) in MONEY_FOR_STATE[state], order
            states = [OrderState(change["state"]) for change in order["history"]]
            assert states[-1] is state
            for before, after in pairwise(states):
                assert after in {next_state(begin, step) for begin, step in STEPS if begin is before}
            if PLACES[state] is not Place.FREE:
                for line in order["lines"]:
                    if "sale_id" in line:
                        has[line["sale_id"], order["buyer_id"]] += line["quantity"]
            goods_fen = sum(line["price_fen"] * line["quantity"] for line in order["lines"])
            assert order["total_fen"] == goods_fen - order["discount_fen"] >= 1
        # A limit that was lowered takes nothing from who has more already.
        limits = {sale.id: max(sale.per_buyer, self.limits.get(sale.id, 0)) for sale in self.sales}
        assert not [key for key, pieces in has.items() if pieces > limits[key[0]]]

    def _pick(self, data: st.DataObject) -> tuple[User, Order]:
        return self.orders[data.draw(st.sampled_from(sorted(self.orders)))]


@pytest.fixture
def runner(load_settings: Callable[[type[ServerSettings]], ServerSettings]) -> Iterator[Runner]:
    """The loop and the rig."""
    clock = MovedClock()
    with asyncio.Runner() as loop:
        opened = open_rig(load_settings(ServerSettings), clock)
        rig = loop.run(opened.__aenter__())
        yield Runner(loop, rig, clock)
        loop.run(opened.__aexit__(None, None, None))


def test_the_ledger_balances_whatever_happens(runner: Runner) -> None:
    machine = type("ThisShop", (Shop,), {"runner": runner})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS_IN_EXAMPLE,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
