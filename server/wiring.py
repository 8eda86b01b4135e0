"""The composition root: builds clients, stores and services; the server adds transports, workers use it as it is."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields

from config.bus import Bus, open_bus
from config.clock import SystemClock
from config.objects import S3Objects
from config.settings import ServerSettings
from config.tasks import Tasks
from server.accounts.service import Accounts
from server.accounts.store import AccountStore
from server.addresses.service import Addresses
from server.addresses.store import AddressStore
from server.auditing.service import Auditor
from server.auditing.store import AuditStore
from server.cards.service import Cards
from server.cards.store import MomentStore
from server.catalog.pictures import Pictures
from server.catalog.service import Catalog
from server.catalog.store import CatalogStore
from server.chat.service import Chat
from server.chat.store import ChatStore
from server.coupons.service import Coupons
from server.coupons.store import CouponStore
from server.courses.service import Courses
from server.courses.store import CourseStore
from server.draws.service import Draws
from server.draws.store import DrawStore
from server.figures.service import HostFigures
from server.figures.store import FigureStore
from server.flash.service import Sales
from server.flash.store import SaleStore
from server.follows.service import Follows
from server.follows.store import FollowStore
from server.infra.announce import Announcer
from server.infra.fanout import Fanout
from server.infra.jobs import Jobs, make_celery
from server.infra.limits import RateLimits
from server.infra.listeners import Listeners
from server.infra.mongo import Database, open_mongo
from server.infra.room_log import open_room_log
from server.infra.shared_turns import SharedTurns, open_shared_turns
from server.infra.transactions import Transactions
from server.infra.turns import Turns
from server.making.service import Queue
from server.moderation.board import Board
from server.moderation.door import Door
from server.moderation.service import Moderation
from server.moderation.store import ModerationStore
from server.nodes.asking import open_node_client
from server.nodes.service import MediaNodes
from server.orders.placing import Placing
from server.orders.service import Orders
from server.orders.stock import Stock
from server.orders.store import OrderStore
from server.payments.gateway import Gateway, open_gateway
from server.payments.sandbox.store import BillStore
from server.payments.sandbox.till import Till
from server.payments.service import Payments
from server.payments.store import PaymentStore
from server.payments.ways import build_ways
from server.polls.service import Polls
from server.polls.store import PollStore
from server.questions.service import Questions
from server.questions.store import QuestionStore
from server.recordings.jobs import TRANSCODE, transcode_priority
from server.recordings.service import Recordings
from server.recordings.store import AssetStore
from server.rooms.presence import Presence
from server.rooms.service import Rooms
from server.rooms.store import RoomStore
from server.showroom.clips import Clips
from server.showroom.jobs import CUT_CLIP, SOON
from server.showroom.service import Showroom
from server.showroom.store import ClipStore, HallStore
from server.streams.service import Streams
from server.streams.store import StreamStore
from server.told import STATE_EVENTS

LOST_STREAM_SECONDS = 60.0  # a media machine that is away longer than this takes its stream with it


@dataclass(frozen=True, slots=True)
class Library:
    """What streams and uploads become."""

    recordings: Recordings
    courses: Courses
    clips: Clips
    showroom: Showroom


@dataclass(frozen=True, slots=True)
class Commerce:
    """What is sold, to whom, and whether it is paid. `till`: only where the sandbox takes the payments."""

    sales: Sales
    gate: Placing
    orders: Orders
    payments: Payments
    addresses: Addresses
    auditor: Auditor
    figures: HostFigures
    till: Till | None


@dataclass(frozen=True, slots=True)
class Talk:
    """Who may say what in rooms, and what staff does about it."""

    door: Door
    follows: Follows
    moderation: Moderation
    board: Board
    questions: Questions
    polls: Polls
    coupons: Coupons
    draws: Draws


@dataclass(frozen=True, slots=True)
class Clients:
    """What everything else is built from: settings, clock, background tasks, and the servers behind us."""

    settings: ServerSettings
    clock: SystemClock
    tasks: Tasks
    database: Database
    objects: S3Objects
    bus: Bus
    jobs: Jobs
    listeners: Listeners
    fanout: Fanout
    announcer: Announcer
    limits: RateLimits
    shared_turns: SharedTurns


@dataclass(frozen=True, slots=True)
class Services(Clients):
    """Everything that people and jobs can ask for."""

    accounts: Accounts
    rooms: Rooms
    presence: Presence
    streams: Streams
    nodes: MediaNodes
    catalog: Catalog
    pictures: Pictures
    cards: Cards
    chat: Chat
    talk: Talk
    commerce: Commerce
    library: Library


@asynccontextmanager
async def open_services(settings: ServerSettings, *, with_sockets: bool) -> AsyncIterator[Services]:
    """Build everything, and close it in the opposite order.

    `with_sockets`: this process has Socket.IO clients of its own; others only send.
    """
    key_secret = settings.internal_secret.get_secret_value()
    async with (
        _open_clients(settings, with_sockets=with_sockets) as clients,
        open_node_client(key_secret) as node_client,
        open_gateway(settings.payment_timeout_seconds) as gateway,
    ):
        clock, announcer, database = clients.clock, clients.announcer, clients.database

        account_store = AccountStore(database)
        room_store = RoomStore(database)
        stream_store = StreamStore(database)
        moment_store = MomentStore(database)
        chat_store = ChatStore(database)
        catalog_store = CatalogStore(database)
        coupon_store = CouponStore(database)
        for store in (
            account_store,
            room_store,
            stream_store,
            moment_store,
            chat_store,
            catalog_store,
            coupon_store,
        ):
            await store.make_indexes()
        await clients.objects.make_bucket()

        accounts = Accounts(account_store, clients.limits, clock, clients.tasks, settings.session_days)
        presence = Presence(clients.bus, announcer, secrets.token_hex(4))
        rooms = Rooms(room_store, stream_store, presence, clients.tasks, clock, key_secret)
        streams = Streams(
            stream_store,
            room_store,
            clients.bus,
            announcer,
            clock,
            key_secret=key_secret,
            start_timeout_seconds=settings.stream_start_timeout_seconds,
            lost_after_seconds=LOST_STREAM_SECONDS,
        )
        catalog = Catalog(catalog_store, room_store, clock)
        pictures = Pictures(clients.objects)
        cards = Cards(moment_store, streams, catalog, announcer, clock)
        chat, talk = await _build_talk(clients, room_store, account_store, chat_store, coupon_store)
        catalog.tell_changes_to(cards)
        commerce = await _build_commerce(
            clients, gateway, room_store, catalog_store, coupon_store, stream_store, streams, presence, catalog
        )
        streams.tell_ends_to(cards, commerce.sales)
        library = await _build_library(clients, room_store, stream_store, streams, cards, catalog)
        cards.show_lessons_of(library.courses)
        yield Services(
            **{field.name: getattr(clients, field.name) for field in fields(clients)},
            accounts=accounts,
            rooms=rooms,
            presence=presence,
            streams=streams,
            nodes=MediaNodes(clients.bus, node_client, room_store, clock),
            catalog=catalog,
            pictures=pictures,
            cards=cards,
            chat=chat,
            talk=talk,
            commerce=commerce,
            library=library,
        )


@asynccontextmanager
async def _open_clients(settings: ServerSettings, *, with_sockets: bool) -> AsyncIterator[Clients]:
    async with AsyncExitStack() as stack:
        room_log = await stack.enter_async_context(open_room_log(settings.redis_url))
        listeners = Listeners()
        limits = RateLimits(settings)
        database = await stack.enter_async_context(open_mongo(settings))
        objects = await stack.enter_async_context(S3Objects(settings))
        bus = await stack.enter_async_context(open_bus(settings))
        shared_turns = await stack.enter_async_context(open_shared_turns(settings.redis_url))
        stack.push_async_callback(limits.aclose)
        tasks = await stack.enter_async_context(Tasks("services"))
        yield Clients(
            settings=settings,
            clock=SystemClock(),
            tasks=tasks,
            database=database,
            objects=objects,
            bus=bus,
            jobs=Jobs(make_celery(settings)),
            listeners=listeners,
            fanout=Fanout(room_log, listeners, STATE_EVENTS, tasks),
            announcer=Announcer(room_log, tasks, listeners if with_sockets else None),
            limits=limits,
            shared_turns=shared_turns,
        )


async def _build_talk(
    clients: Clients,
    room_store: RoomStore,
    account_store: AccountStore,
    chat_store: ChatStore,
    coupon_store: CouponStore,
) -> tuple[Chat, Talk]:
    clock, announcer, limits = clients.clock, clients.announcer, clients.limits
    moderation_store, follow_store = ModerationStore(clients.database), FollowStore(clients.database)
    question_store, poll_store = QuestionStore(clients.database), PollStore(clients.database)
    draw_store = DrawStore(clients.database)
    for store in (moderation_store, follow_store, question_store, poll_store, draw_store):
        await store.make_indexes()
    transactions = Transactions(clients.database, clients.settings.mongodb_timeout_seconds)
    follows = Follows(follow_store, room_store, limits, clients.tasks, clock)
    door = Door(
        moderation_store,
        room_store,
        follow_store,
        limits,
        clients.tasks,
        clock,
        clients.settings.acts_per_address,
    )
    chat = Chat(chat_store, door, announcer, limits, clock)
    moderation = Moderation(moderation_store, door, room_store, account_store, chat, announcer, clock)
    return chat, Talk(
        door=door,
        follows=follows,
        moderation=moderation,
        board=Board(moderation_store, door, room_store, chat, clock),
        questions=Questions(question_store, door, moderation, limits, announcer, clock),
        polls=Polls(poll_store, door, moderation, announcer, clock),
        coupons=Coupons(coupon_store, door, moderation, transactions, Turns(), announcer, clock),
        draws=Draws(draw_store, door, moderation, announcer, clock),
    )


async def _build_library(
    clients: Clients,
    room_store: RoomStore,
    stream_store: StreamStore,
    streams: Streams,
    cards: Cards,
    catalog: Catalog,
) -> Library:
    settings, clock, database, objects = clients.settings, clients.clock, clients.database, clients.objects
    asset_store = AssetStore(database)
    course_store = CourseStore(database)
    hall_store = HallStore(database)
    clip_store = ClipStore(database)
    for store in (asset_store, course_store, hall_store, clip_store):
        await store.make_indexes()
    courses = Courses(course_store, asset_store, clients.announcer, clock)
    clip_queue = Queue(
        clip_store,
        clients.jobs,
        clock,
        job=CUT_CLIP,
        priority=lambda _: SOON,
        lease_seconds=settings.job_lease_seconds,
    )
    clips = Clips(clip_store, clip_queue, catalog, objects, clock)
    asset_queue = Queue(
        asset_store,
        clients.jobs,
        clock,
        job=TRANSCODE,
        priority=transcode_priority,
        lease_seconds=settings.job_lease_seconds,
        changed=courses.asset_changed,
    )
    return Library(
        recordings=Recordings(asset_store, asset_queue, objects, courses, streams, room_store, cards, clips, clock),
        courses=courses,
        clips=clips,
        showroom=Showroom(hall_store, clip_store, catalog, room_store, stream_store, clock),
    )


async def _build_commerce(
    clients: Clients,
    gateway: Gateway,
    room_store: RoomStore,
    catalog_store: CatalogStore,
    coupon_store: CouponStore,
    stream_store: StreamStore,
    streams: Streams,
    presence: Presence,
    catalog: Catalog,
) -> Commerce:
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
    sales = Sales(sale_store, catalog_store, catalog, room_store, streams, transactions, turns, announcer, clock)
    stock = Stock(sale_store, catalog_store, sales, catalog)
    gate = Placing(
        order_store,
        stock,
        coupon_store,
        address_store,
        transactions,
        turns,
        clients.shared_turns,
        clients.tasks,
        announcer,
        clock,
    )
    orders = Orders(
        order_store,
        stock,
        coupon_store,
        gate,
        catalog,
        transactions,
        turns,
        announcer,
        clock,
        receive_after_days=settings.receive_after_days,
    )
    ways = build_ways(settings, gateway, bill_store, clock)
    till = None
    if settings.payment_sandbox and settings.payment_sandbox_secret is not None:
        till = Till(bill_store, settings.payment_sandbox_secret.get_secret_value(), clock)
    payments = Payments(payment_store, ways, orders, clock)
    orders.tell_ends_to(payments)
    auditor = Auditor(audit_store, sale_store, order_store, room_store, catalog_store, transactions, clock)
    figures = HostFigures(figure_store, room_store, stream_store, sale_store, presence, clock)
    return Commerce(sales, gate, orders, payments, Addresses(address_store), auditor, figures, till)
