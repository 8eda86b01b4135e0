"""The composition root: builds clients, stores and services; the server adds transports, workers use it as it is."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

from config.settings import ServerSettings
from server.accounts.service import Accounts
from server.cards.service import Cards
from server.catalog.pictures import Pictures
from server.catalog.service import Catalog
from server.chat.service import Chat
from server.nodes.asking import open_node_client
from server.nodes.service import MediaNodes
from server.payments.gateway import open_gateway
from server.rooms.presence import Presence
from server.rooms.service import Rooms
from server.streams.service import Streams
from server.wiring.clients import Clients, open_clients
from server.wiring.commerce import Commerce, build_commerce
from server.wiring.library import Library, build_library
from server.wiring.stores import build_stores
from server.wiring.talk import Talk, build_talk

LOST_STREAM_SECONDS = 60.0  # a media machine that is away longer than this takes its stream with it


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
        open_clients(settings, with_sockets=with_sockets) as clients,
        open_node_client(key_secret) as node_client,
        open_gateway(settings.payment_timeout_seconds) as gateway,
    ):
        clock, announcer, database = clients.clock, clients.announcer, clients.database

        stores = await build_stores(database)
        await clients.objects.make_bucket()

        accounts = Accounts(stores.accounts, clients.limits, announcer, clock, clients.tasks, settings.session_days)
        presence = Presence(clients.bus, announcer, secrets.token_hex(4))
        rooms = Rooms(stores.rooms, stores.streams, presence, clients.tasks, clock, key_secret)
        streams = Streams(
            stores.streams,
            stores.rooms,
            clients.bus,
            announcer,
            clock,
            key_secret=key_secret,
            start_timeout_seconds=settings.stream_start_timeout_seconds,
            lost_after_seconds=LOST_STREAM_SECONDS,
        )
        catalog = Catalog(stores.catalog, stores.rooms, clients.limits, clock)
        pictures = Pictures(clients.objects)
        cards = Cards(stores.moments, streams, catalog, announcer, clients.tasks, clock)
        chat, talk = await build_talk(clients, stores)
        catalog.tell_changes_to(cards)
        commerce = await build_commerce(clients, stores, gateway, streams, presence, catalog)
        streams.tell_ends_to(cards, commerce.sales)
        catalog.end_sales_in(commerce.sales)
        library = await build_library(clients, stores, streams, cards, catalog, talk.door)
        cards.show_lessons_of(library.courses)
        yield Services(
            **{field.name: getattr(clients, field.name) for field in fields(clients)},
            accounts=accounts,
            rooms=rooms,
            presence=presence,
            streams=streams,
            nodes=MediaNodes(clients.bus, node_client, stores.rooms, clock),
            catalog=catalog,
            pictures=pictures,
            cards=cards,
            chat=chat,
            talk=talk,
            commerce=commerce,
            library=library,
        )
