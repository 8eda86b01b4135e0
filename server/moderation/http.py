"""Routes: a room's moderation desk, its rules, words, helpers, announcement and log; the platform's words and log."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from server.accounts.model import Role
from server.chat.shape import message_shape
from server.http import Body, Routes, answer, parse_body, require_role, require_user
from server.moderation.board import Board
from server.moderation.model import MOST_WORDS, SanctionKind
from server.moderation.service import Moderation
from server.moderation.shape import entry_shape, helper_shape, sanction_shape, word_shape
from server.moderation.words import ForbiddenWord, WordAction
from server.rooms.shape import announcement_shape, room_name_shape, rules_shape


class EditRules(Body):
    """`PATCH …/moderation/rules`"""

    slow_mode_seconds: int | None = Field(None, strict=True, ge=0, le=300)
    followers_only: bool | None = Field(None, strict=True)
    review_first: bool | None = Field(None, strict=True)
    links_from_staff_only: bool | None = Field(None, strict=True)


class Word(Body):
    """One forbidden word."""

    word: str = Field(max_length=100)
    action: WordAction = WordAction.REFUSE


class Words(Body):
    """`PUT …/moderation/words`"""

    words: list[Word] = Field(max_length=MOST_WORDS)

    def entries(self) -> list[ForbiddenWord]:
        """The list as the service takes it."""
        return [ForbiddenWord(entry.word, entry.action) for entry in self.words]


class NameHelper(Body):
    """`POST …/moderation/helpers`"""

    user_id: str | None = Field(None, max_length=40)
    name: str | None = Field(None, max_length=64)


class Announce(Body):
    """`PUT …/announcement`"""

    text: str | None = Field(max_length=300)


def moderation_routes(moderation: Moderation, board: Board) -> Routes:
    """Routes of this noun for a room's staff."""

    async def room_id(request: web.Request) -> str:
        return (await board.find(request.match_info["slug"])).id

    async def look(request: web.Request) -> web.Response:
        desk = await board.look(require_user(request), request.match_info["slug"])
        return answer(
            {
                "role": desk.role,
                "rules": rules_shape(desk.room.rules),
                "announcement": announcement_shape(desk.room.announcement),
                "words": [word_shape(entry) for entry in desk.words],
                "helpers": [helper_shape(helper) for helper in desk.room.helpers],
                "sanctions": [sanction_shape(sanction) for sanction in desk.sanctions],
                "held": [message_shape(message) for message in desk.held],
            }
        )

    async def set_rules(request: web.Request) -> web.Response:
        actor = require_user(request)
        changes = (await parse_body(request, EditRules)).model_dump(exclude_none=True)
        return answer({"rules": rules_shape(await moderation.set_rules(actor, await room_id(request), changes))})

    async def set_words(request: web.Request) -> web.Response:
        actor = require_user(request)
        wanted = (await parse_body(request, Words)).entries()
        kept = await moderation.set_words(actor, await room_id(request), wanted)
        return answer({"words": [word_shape(entry) for entry in kept]})

    async def announce(request: web.Request) -> web.Response:
        actor = require_user(request)
        text = (await parse_body(request, Announce)).text
        made = await moderation.announce(actor, await room_id(request), text)
        return answer({"announcement": announcement_shape(made)})

    async def name_helper(request: web.Request) -> web.Response:
        host = require_user(request)
        body = await parse_body(request, NameHelper)
        helper = await moderation.name_helper(host, await room_id(request), user_id=body.user_id, name=body.name)
        return answer(helper_shape(helper), 201)

    async def drop_helper(request: web.Request) -> web.Response:
        host = require_user(request)
        await moderation.drop_helper(host, await room_id(request), request.match_info["user_id"])
        return web.Response(status=204)

    async def read_log(request: web.Request) -> web.Response:
        entries = await board.log(require_user(request), request.match_info["slug"], request.query.get("before"))
        return answer({"items": [entry_shape(entry) for entry in entries]})

    desk = "/api/rooms/{slug}/moderation"
    return [
        web.get(desk, look),
        web.patch(f"{desk}/rules", set_rules),
        web.put(f"{desk}/words", set_words),
        web.post(f"{desk}/helpers", name_helper),
        web.delete(f"{desk}/helpers/{{user_id}}", drop_helper),
        web.get(f"{desk}/log", read_log),
        web.put("/api/rooms/{slug}/announcement", announce),
    ]


def operator_moderation_routes(moderation: Moderation, board: Board) -> Routes:
    """Routes of this noun for operators: what holds in every room."""

    async def read_words(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        return answer({"words": [word_shape(entry) for entry in await board.platform_words()]})

    async def set_words(request: web.Request) -> web.Response:
        operator = require_role(request, Role.OPERATOR)
        wanted = (await parse_body(request, Words)).entries()
        kept = await moderation.set_platform_words(operator, wanted)
        return answer({"words": [word_shape(entry) for entry in kept]})

    async def read_log(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        entries = await board.whole_log(request.query.get("before"))
        rooms = await board.rooms_of(entries)
        named = [{**entry_shape(entry), "room": room_name_shape(rooms.get(entry.room_id))} for entry in entries]
        return answer({"items": named})

    async def list_sanctions(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        return answer({"items": [sanction_shape(sanction) for sanction in await board.everywhere()]})

    async def lift(request: web.Request) -> web.Response:
        operator = require_role(request, Role.OPERATOR)
        kind = SanctionKind(request.match_info["kind"])
        await moderation.lift_everywhere(operator, request.match_info["user_id"], kind)
        return web.Response(status=204)

    return [
        web.get("/api/operators/words", read_words),
        web.put("/api/operators/words", set_words),
        web.get("/api/operators/moderation-log", read_log),
        web.get("/api/operators/sanctions", list_sanctions),
        web.delete("/api/operators/sanctions/{kind:mute|ban}/{user_id}", lift),
    ]
