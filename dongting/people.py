"""What whoever has the machine may do to accounts: give and take roles. A host also needs a room to be live in."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import ServerSettings
from server.accounts.model import Role, User
from server.errors import BadRequest
from server.wiring import Services, open_services


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a new host is live and for whom he sells."""

    slug: str
    merchant: str
    title: str = ""


async def give_role(settings: ServerSettings, name: str, role: Role, stand: Stand | None = None) -> User:
    """Give somebody a role; a host who has no room gets one. Raises BadRequest, Conflict, NotFound."""
    async with open_services(settings, with_sockets=False) as services:
        user = await services.accounts.get_by_name(name)
        if role is Role.HOST and not await services.rooms.has_room(user):
            await _open_room(services, user, stand)
        return await services.accounts.give_role(user, role)


async def take_role(settings: ServerSettings, name: str, role: Role) -> User:
    """Take a role from somebody; what is his stays. Raises NotFound."""
    async with open_services(settings, with_sockets=False) as services:
        return await services.accounts.take_role(await services.accounts.get_by_name(name), role)


async def _open_room(services: Services, host: User, stand: Stand | None) -> None:
    if stand is None:
        raise BadRequest("a host needs a room: say --room ADDRESS and --merchant NAME")
    await services.rooms.check_free(stand.slug)
    merchant = await services.catalog.add_merchant(stand.merchant, "")
    await services.rooms.open(host, stand.slug, stand.title or stand.merchant, merchant.id)
