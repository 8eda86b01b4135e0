"""What is sold, to whom, and whether it is paid."""

from __future__ import annotations

import time
from dataclasses import dataclass

from server.addresses.service import Addresses
from server.addresses.store import AddressStore
from server.auditing.service import Auditor
from server.auditing.store import AuditStore
from server.carts.service import Carts
from server.carts.store import CartStore
from server.catalog.service import Catalog
from server.figures.service import HostFigures
from server.figures.store import FigureStore
from server.flash.service import Sales
from server.flash.store import SaleStore
from server.infra.paces import Paces
from server.infra.transactions import Transactions
from server.infra.turns import Turns
from server.orders.clockwork import Clockwork
from server.orders.moving import Moves
from server.orders.placing import Placing
from server.orders.returns import Returns
from server.orders.service import Ends, Orders
from server.orders.settling import Settling
from server.orders.stock import Stock
from server.orders.store import OrderStore
from server.payments.gateway import Gateway
from server.payments.returns import ReturnedParcels
from server.payments.sandbox.store import BillStore
from server.payments.sandbox.till import Till
from server.payments.service import Payments
from server.payments.store import PaymentStore
from server.payments.ways import build_ways
from server.rooms.presence import Presence
from server.streams.service import Streams
from server.wiring.clients import Clients
from server.wiring.stores import Stores

ORDERS_AT_ONCE = 20  # of one buyer in each server, by whatever way; a page that lost its answer asks again
ORDERS_PER_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Commerce:
    """What is sold, to whom, and whether it is paid. `till`: only where the sandbox takes the payments."""

    sales: Sales
    gate: Placing
    orders: Orders
    returns: Returns
    clockwork: Clockwork
    settling: Settling
    payments: Payments
    parcels: ReturnedParcels
    addresses: Addresses
    carts: Carts
    auditor: Auditor
    figures: HostFigures
    till: Till | None


async def build_commerce(
    clients: Clients, stores: Stores, gateway: Gateway, streams: Streams, presence: Presence, catalog: Catalog
) -> Commerce:
    """Sales, orders and money."""
    settings, clock, database, announcer = clients.settings, clients.clock, clients.database, clients.announcer
    sale_store = SaleStore(database)
    order_store = OrderStore(database)
    payment_store = PaymentStore(database)
    bill_store = BillStore(database)
    audit_store, figure_store = AuditStore(database), FigureStore(database)
    address_store = AddressStore(database)
    for store in (sale_store, order_store, payment_store, bill_store, audit_store, figure_store):
        await store.make_indexes()
    transactions = Transactions(database, settings.mongodb_timeout_seconds)
    await transactions.prepare()
    turns = Turns()
    sales = Sales(
        sale_store,
        stores.catalog,
        catalog,
        stores.rooms,
        streams,
        transactions,
        turns,
        announcer,
        clients.tasks,
        clock,
    )
    stock = Stock(sale_store, stores.catalog, sales, catalog)
    gate = Placing(
        order_store,
        stock,
        stores.coupons,
        address_store,
        stores.moderation,
        transactions,
        turns,
        clients.shared_turns,
        clients.tasks,
        announcer,
        clock,
    )
    moves = Moves(order_store, stock, stores.coupons, transactions, turns, announcer, clock)
    ends = Ends()
    orders = Orders(
        order_store,
        moves,
        gate,
        Paces(ORDERS_AT_ONCE, ORDERS_PER_SECOND, time.monotonic),
        catalog,
        ends,
        clock,
        receive_after_days=settings.receive_after_days,
    )
    settling = Settling(order_store, stock, moves, clock)
    ways = build_ways(settings, gateway, bill_store, clock)
    till = None
    if settings.payment_sandbox and settings.payment_sandbox_secret is not None:
        till = Till(bill_store, settings.payment_sandbox_secret.get_secret_value(), clock)
    payments = Payments(payment_store, ways, orders, settling, clock)
    ends.tell_to(payments)
    auditor = Auditor(audit_store, sale_store, order_store, stores.rooms, stores.catalog, transactions, clock)
    figures = HostFigures(figure_store, stores.rooms, stores.streams, sale_store, presence, clock)
    returns = Returns(order_store, moves, orders, clock)
    carts = Carts(CartStore(database), catalog, clients.limits, clock)
    return Commerce(
        sales=sales,
        gate=gate,
        orders=orders,
        returns=returns,
        clockwork=Clockwork(order_store, moves, ends, clock),
        settling=settling,
        payments=payments,
        parcels=ReturnedParcels(payments, settling, returns, orders, clock),
        addresses=Addresses(address_store),
        carts=carts,
        auditor=auditor,
        figures=figures,
        till=till,
    )
