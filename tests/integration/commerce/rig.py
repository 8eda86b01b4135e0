"""The commerce of one server on a real database, with a clock that the test moves and a voice that remembers."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from config.settings import ServerSettings
from config.tasks import Tasks
from server.accounts.model import Role, User
from server.addresses.service import Addresses
from server.addresses.store import AddressStore
from server.auditing.service import Auditor
from server.auditing.store import AuditStore
from server.catalog.model import Product
from server.catalog.service import Catalog
from server.catalog.store import CatalogStore
from server.coupons.model import Coupon, CouponState
from server.coupons.store import CouponStore
from server.errors import DomainError
from server.flash.model import Pot, Sale, SaleTerms
from server.flash.service import Sales
from server.flash.store import SaleStore
from server.ids import new_id
from server.infra.announce import Build, Word
from server.infra.limits import RateLimits
from server.infra.mongo import Database, open_mongo
from server.infra.paces import Paces
from server.infra.shared_turns import open_shared_turns
from server.infra.transactions import Transactions
from server.infra.turns import Turns
from server.moderation.store import ModerationStore
from server.orders.admission import Wanted, Wish
from server.orders.clockwork import Clockwork
from server.orders.model import PLACES, Order, OrderState, Place, Source, SourceKind
from server.orders.moving import Moves
from server.orders.placing import Placing
from server.orders.returns import Returns
from server.orders.service import Ends, Orders
from server.orders.settling import Settling
from server.orders.stock import Stock
from server.orders.store import OrderStore
from server.payments.model import Payer, Payment
from server.payments.returns import ReturnedParcels
from server.payments.sandbox.bill import Manner
from server.payments.sandbox.provider import SIGNATURE_HEADER, Sandbox, sign
from server.payments.sandbox.store import BillStore
from server.payments.service import Payments, Provider
from server.payments.store import PaymentStore
from server.rooms.model import Room
from server.rooms.store import RoomStore
from server.streams.model import Stream, StreamState

BEGIN = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SECRET = "a secret of the sandbox, 32 characters"
PLENTY = 100
PHONE = Payer(on_phone=True, address="192.0.2.9")
RECEIVE_AFTER_DAYS = 10


class MovedClock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.moment = BEGIN

    def now(self) -> datetime:
        return self.moment

    def pass_seconds(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class Told:
    """What pages would have heard, as (channel, event, data)."""

    heard: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    soon: list[tuple[str, str]] = field(default_factory=list)

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None:
        self.heard.append((channel, event, data))

    async def tell_each(self, event: str, words: Sequence[Word]) -> None:
        self.heard += [(word.channel, event, word.data) for word in words]

    def tell_newest(self, channel: str, event: str, window_seconds: float, build: Build) -> None:
        self.soon.append((channel, event))


class Rival(Sandbox):
    """A second way to pay, which shares its books with the first."""

    name = "rival"


class OnAir:
    """Says that every room is live."""

    async def get(self, stream_id: str) -> Stream:
        return await self.on_air_in(stream_id.removeprefix("stream of "))

    async def on_air_in(self, room_id: str) -> Stream:
        return Stream(f"stream of {room_id}", room_id, "host", "开园", StreamState.LIVE, BEGIN, BEGIN, BEGIN)


def make_user(name: str, *roles: Role) -> User:
    return User(f"user-{name}", name, name, frozenset({Role.VIEWER, *roles}), None, BEGIN)


@dataclass
class Rig:
    """One server's services, with their stores at hand."""

    clock: MovedClock
    told: Told
    database: Database
    transactions: Transactions
    catalog: Catalog
    sales: Sales
    orders: Orders
    payments: Payments
    sale_store: SaleStore
    order_store: OrderStore
    payment_store: PaymentStore
    bill_store: BillStore
    stock: Stock
    auditor: Auditor
    addresses: Addresses
    coupon_store: CouponStore
    moderation_store: ModerationStore
    gate: Placing
    settling: Settling
    clockwork: Clockwork
    ends: Ends
    returns: Returns
    parcels: ReturnedParcels

    async def stall(self, stock: int = PLENTY) -> tuple[User, Product]:
        """A host with a room of his own and a product to sell."""
        name = new_id()
        host = make_user(name, Role.HOST)
        merchant = await self.catalog.add_merchant(f"合作社 {name}", "")
        room = Room(new_id(), name, "开园", host.id, "张红", merchant.id, None, None, 1, BEGIN)
        await RoomStore(self.database).add(room)
        product = await self.catalog.add_product(
            merchant.id, name="冰糖橙", description="", price_fen=3990, unit="5斤", stock=stock
        )
        return host, product

    async def open_sale(self, host: User, product: Product, **changes: int) -> Sale:
        """A sale of 3 pieces, 1 per buyer, open for 10 minutes, 5 minutes to pay; or as asked."""
        terms: dict[str, int] = {
            "price_fen": 990,
            "quantity": 3,
            "per_buyer": 1,
            "duration_seconds": 600,
            "hold_seconds": 300,
        }
        return (await self.sales.open(host, SaleTerms(product_id=product.id, **{**terms, **changes}))).sale

    async def sale(self, sale: Sale) -> Sale:
        """The sale as it is now."""
        return (await self.sales.get(sale.id)).sale

    async def stock_of(self, product: Product) -> int:
        """What is free now."""
        return (await self.catalog.get(product.id)).stock

    async def place(self, buyer: User, request_id: str, *wishes: Wish, **more: str) -> Order:
        """Order of any sources; `more`: a coupon, an address."""
        return await self.orders.place(buyer, Wanted(request_id, wishes, **more))

    async def place_in_sale(self, buyer: User, sale_id: str, request_id: str, quantity: int) -> Order:
        """Order of one sale."""
        return await self.place(buyer, request_id, of_sale(sale_id, quantity))

    async def buy(self, buyer: User, product_id: str, request_id: str, quantity: int) -> Order:
        """Order of one product at its normal price."""
        return await self.place(buyer, request_id, of_product(product_id, quantity))

    async def give_coupon(
        self, user: User, merchant_id: str, value_fen: int = 500, min_total_fen: int = 900
    ) -> Coupon:
        """A coupon that somebody took in the merchant's room, good for an hour."""
        until = self.clock.now() + timedelta(hours=1)
        coupon = Coupon(
            new_id(),
            new_id(),
            user.id,
            merchant_id,
            "zhang",
            "张红",
            value_fen,
            min_total_fen,
            until,
            self.clock.now(),
        )
        await self.transactions.run(lambda session: self.coupon_store.add(coupon, session))
        return coupon

    async def coupon(self, coupon: Coupon) -> Coupon:
        """The coupon as it is now."""
        (found,) = [one for one in await self.coupon_store.of_user(coupon.user_id) if one.id == coupon.id]
        return found

    async def go_to_pay(self, buyer: User, order: Order, way: str = "sandbox") -> Payment:
        """The buyer goes to the till, and looks at it."""
        await self.payments.begin(buyer, order.id, way, PHONE)
        return (await self.payment_store.of_order(order.id))[-1]

    async def press_pay(self, buyer: User, order: Order, way: str = "sandbox") -> bytes:
        """The buyer goes to the till and pays; answers the callback, which has not been sent yet."""
        return await self.pay_at_till(await self.go_to_pay(buyer, order, way))

    async def pay_at_till(self, payment: Payment) -> bytes:
        """He presses the button; answers the callback, which has not been sent yet."""
        now = self.clock.now()
        assert await self.bill_store.pay(payment.id, "", now, None, Manner.NEVER), "he had paid, or it is too late"
        told = {"event": "paid", "payment_id": payment.id, "amount_fen": payment.amount_fen, "reference": "R1"}
        return json.dumps(told).encode()

    async def call_back(self, body: bytes, way: str = "sandbox") -> None:
        """What the provider's signed callback does."""
        await self.payments.receive(way, {SIGNATURE_HEADER: sign(SECRET, body, self.clock.now())}, body)

    async def check_ledger(self, product: Product, stock: int) -> None:
        """Each piece is counted once, in the sale, in the orders, in the product."""
        sales = await self.database["sales"].find({"product_id": product.id}).to_list()
        orders = await self.database["orders"].find({"lines.product_id": product.id}).to_list()
        pieces: Counter[tuple[str | None, Place]] = Counter()
        for order in orders:
            for line in order["lines"]:
                if line["product_id"] == product.id:
                    pieces[line.get("sale_id"), PLACES[OrderState(order["state"])]] += line["quantity"]
        outside = pieces[None, Place.HELD] + pieces[None, Place.SOLD]
        for sale in sales:
            counts = [sale[pot.value] for pot in Pot]
            assert min(counts) >= 0, sale
            assert sum(counts) == sale["quantity"], sale
            assert sale["held"] == pieces[sale["_id"], Place.HELD], sale
            assert sale["sold"] == pieces[sale["_id"], Place.SOLD], sale
            outside += sale["available"] + sale["held"] + sale["sold"]
        free = await self.stock_of(product)
        assert free >= 0
        assert free + outside == stock
        await self._check_coupons()

    async def _check_coupons(self) -> None:
        """A coupon is in an order exactly as long as the order's pieces are."""
        orders = await self.database["orders"].find({"coupon_id": {"$type": "string"}}).to_list()
        used = {
            order["coupon_id"]: order["_id"]
            for order in orders
            if PLACES[OrderState(order["state"])] is not Place.FREE
        }
        coupons = await self.database["coupons"].find().to_list()
        assert {one["_id"]: one["order_id"] for one in coupons if one["state"] == CouponState.USED} == used
        assert all(one["order_id"] is None for one in coupons if one["state"] == CouponState.READY)


@asynccontextmanager
async def open_rig(
    settings: ServerSettings, clock: MovedClock | None = None, more_ways: Sequence[Provider] = ()
) -> AsyncIterator[Rig]:
    """Build everything as wiring.py does, but for clock, voice and broadcasts."""
    clock, told = clock or MovedClock(), Told()
    async with (
        open_mongo(settings) as database,
        open_shared_turns(settings.redis_url) as shared_turns,
        aclosing(RateLimits(settings)) as limits,
        Tasks("rig") as tasks,
    ):
        catalog_store, room_store = CatalogStore(database), RoomStore(database)
        sale_store, order_store = SaleStore(database), OrderStore(database)
        payment_store, bill_store = PaymentStore(database), BillStore(database)
        moderation_store = ModerationStore(database)
        audit_store, coupon_store, address_store = AuditStore(database), CouponStore(database), AddressStore(database)
        for store in (catalog_store, room_store, sale_store, order_store, payment_store, bill_store, audit_store):
            await store.make_indexes()
        await coupon_store.make_indexes()
        await moderation_store.make_indexes()
        transactions, turns = Transactions(database, settings.mongodb_timeout_seconds), Turns()
        await transactions.prepare()
        catalog = Catalog(catalog_store, room_store, limits, clock)
        sales = Sales(
            sale_store, catalog_store, catalog, room_store, OnAir(), transactions, turns, told, tasks, clock
        )
        stock = Stock(sale_store, catalog_store, sales, catalog)
        gate = Placing(
            order_store,
            stock,
            coupon_store,
            address_store,
            moderation_store,
            transactions,
            turns,
            shared_turns,
            tasks,
            told,
            clock,
        )
        moves = Moves(order_store, stock, coupon_store, transactions, turns, told, clock)
        ends = Ends()
        orders = Orders(
            order_store,
            moves,
            gate,
            Paces(PLENTY, PLENTY, time.monotonic),
            catalog,
            ends,
            clock,
            receive_after_days=RECEIVE_AFTER_DAYS,
        )
        settling = Settling(order_store, stock, moves, clock)
        ways = [Sandbox(bill_store, SECRET), Rival(bill_store, SECRET), *more_ways]
        payments = Payments(payment_store, ways, orders, settling, clock)
        ends.tell_to(payments)
        returns = Returns(order_store, moves, orders, clock)
        yield Rig(
            clock,
            told,
            database,
            transactions,
            catalog,
            sales,
            orders,
            payments,
            sale_store,
            order_store,
            payment_store,
            bill_store,
            stock,
            Auditor(audit_store, sale_store, order_store, room_store, catalog_store, transactions, clock),
            Addresses(address_store),
            coupon_store,
            moderation_store,
            gate,
            settling,
            Clockwork(order_store, moves, ends, clock),
            ends,
            returns,
            ReturnedParcels(payments, settling, returns, orders, clock),
        )


def of_sale(sale_id: str, quantity: int = 1) -> Wish:
    """Pieces of a sale."""
    return Wish(Source(SourceKind.SALE, sale_id), quantity)


def of_product(product_id: str, quantity: int = 1) -> Wish:
    """Pieces at the normal price."""
    return Wish(Source(SourceKind.PRODUCT, product_id), quantity)


def code_of(answer: object) -> str:
    """`held` and so on for an order, the code for an error."""
    if isinstance(answer, Order):
        return answer.state.value
    assert isinstance(answer, DomainError), answer
    return answer.code
