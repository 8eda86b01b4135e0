"""What people say and do in rooms."""

from __future__ import annotations

from dataclasses import dataclass

from server.chat.service import Chat
from server.coupons.service import Coupons
from server.draws.service import Draws
from server.draws.store import DrawStore
from server.follows.service import Follows
from server.follows.store import FollowStore
from server.infra.transactions import Transactions
from server.infra.turns import Turns
from server.moderation.board import Board
from server.moderation.door import Door
from server.moderation.passes import ViewerPasses
from server.moderation.service import Moderation
from server.polls.service import Polls
from server.polls.store import PollStore
from server.questions.service import Questions
from server.questions.store import QuestionStore
from server.wiring.clients import Clients
from server.wiring.stores import Stores


@dataclass(frozen=True, slots=True)
class Talk:
    """Who may say what in rooms, and what staff does about it."""

    door: Door
    passes: ViewerPasses
    follows: Follows
    moderation: Moderation
    board: Board
    questions: Questions
    polls: Polls
    coupons: Coupons
    draws: Draws


async def build_talk(clients: Clients, stores: Stores) -> tuple[Chat, Talk]:
    """Who may say what, the chat itself, and everything that is played in a room."""
    clock, announcer, limits = clients.clock, clients.announcer, clients.limits
    moderation_store, follow_store = stores.moderation, FollowStore(clients.database)
    question_store, poll_store = QuestionStore(clients.database), PollStore(clients.database)
    draw_store = DrawStore(clients.database)
    for store in (follow_store, question_store, poll_store, draw_store):
        await store.make_indexes()
    transactions = Transactions(clients.database, clients.settings.mongodb_timeout_seconds)
    follows = Follows(follow_store, stores.rooms, limits, clients.tasks, clock)
    door = Door(
        moderation_store,
        stores.rooms,
        follow_store,
        limits,
        clients.tasks,
        clock,
        clients.settings.acts_per_address,
    )
    chat = Chat(stores.chat, door, announcer, limits, clock)
    passes = ViewerPasses(clients.bus)
    moderation = Moderation(moderation_store, door, passes, stores.rooms, stores.accounts, chat, announcer, clock)
    return chat, Talk(
        door=door,
        passes=passes,
        follows=follows,
        moderation=moderation,
        board=Board(moderation_store, door, stores.rooms, chat, clock),
        questions=Questions(question_store, door, moderation, limits, announcer, clock),
        polls=Polls(poll_store, door, moderation, announcer, clients.tasks, clock),
        coupons=Coupons(stores.coupons, door, moderation, transactions, Turns(), announcer, clock),
        draws=Draws(draw_store, door, moderation, announcer, clock),
    )
