"""Routes: halls for everybody; building them, and panoramas, for operators."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from server.accounts.model import Role
from server.http import USER, Body, Routes, answer, parse_body, read_limited, require_role
from server.ids import new_id
from server.showroom.model import Booth, HallPlan, Season
from server.showroom.panoramas import Panoramas
from server.showroom.service import Showroom
from server.showroom.shape import full_hall_shape, hall_shape, panorama_shape

PANORAMA_LIMIT_BYTES = 40_000_000
TITLE_LIMIT = 200


class PlacedBooth(Body):
    """A booth of a `HallBody`."""

    id: str = Field("", max_length=100)
    merchant_id: str = Field(max_length=100)
    yaw: float
    pitch: float


class HallBody(Body):
    """`POST /api/halls`"""

    title: str = Field(max_length=TITLE_LIMIT)
    summary: str = Field("", max_length=5_000)
    county: str = Field(max_length=100)
    season: Season = Season.ALL_YEAR
    panorama_id: str = Field(max_length=100)
    booths: list[PlacedBooth] = Field(default_factory=list, max_length=500)
    open: bool = False

    def plan(self) -> HallPlan:
        """What is asked for; booths without an id get one."""
        booths = tuple(Booth(one.id or new_id(), one.merchant_id, one.yaw, one.pitch) for one in self.booths)
        return HallPlan(self.title, self.summary, self.county, self.season, self.panorama_id, booths, self.open)


class ChangedHallBody(HallBody):
    """`PUT /api/halls/{id}`"""

    version: int = Field(ge=1, lt=2**31)


def showroom_routes(showroom: Showroom, panoramas: Panoramas) -> Routes:
    """Routes of this noun."""

    def open_only(request: web.Request) -> bool:
        user = request.get(USER)
        return user is None or Role.OPERATOR not in user.roles

    async def list_halls(request: web.Request) -> web.Response:
        halls = await showroom.browse(open_only=open_only(request))
        return answer({"items": [hall_shape(hall) for hall in halls]})

    async def get_hall(request: web.Request) -> web.Response:
        hall, booths = await showroom.look(request.match_info["id"], open_only=open_only(request))
        return answer(full_hall_shape(hall, booths))

    async def build_hall(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        body = await parse_body(request, HallBody)
        return answer(hall_shape(await showroom.build(body.plan())), 201)

    async def rebuild_hall(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        body = await parse_body(request, ChangedHallBody)
        return answer(hall_shape(await showroom.rebuild(request.match_info["id"], body.plan(), body.version)))

    async def tear_down_hall(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        await showroom.tear_down(request.match_info["id"])
        return web.Response(status=204)

    async def list_panoramas(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        return answer({"items": [panorama_shape(one) for one in await panoramas.list()]})

    async def add_panorama(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        title = request.query.get("title", "")[:TITLE_LIMIT]
        panorama = await panoramas.add(title, await read_limited(request, PANORAMA_LIMIT_BYTES))
        return answer(panorama_shape(panorama), 201)

    async def remove_panorama(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        await panoramas.remove(request.match_info["id"])
        return web.Response(status=204)

    return [
        web.get("/api/halls", list_halls),
        web.post("/api/halls", build_hall),
        web.get("/api/halls/{id}", get_hall),
        web.put("/api/halls/{id}", rebuild_hall),
        web.delete("/api/halls/{id}", tear_down_hall),
        web.get("/api/panoramas", list_panoramas),
        web.post("/api/panoramas", add_panorama),
        web.delete("/api/panoramas/{id}", remove_panorama),
    ]
