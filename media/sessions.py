"""The sessions of a node: opened within its limits, found by their ids, run until they end."""

from __future__ import annotations

import asyncio
from collections import Counter

from config.settings import MediaSettings
from config.tasks import Tasks
from media.admission import Admission
from media.answer import Local
from media.dtls import Certificate
from media.glue import PacketMemory
from media.problems import Problem
from media.resource import Resource, new_session_id
from media.rtp.counters import Counters
from media.sdp import Offer
from media.session import Ending, Session
from media.transport.ice import IceLite


class Sessions:
    """Everybody who is connected to this node, or about to be."""

    def __init__(
        self,
        settings: MediaSettings,
        certificate: Certificate,
        ice: IceLite,
        memory: PacketMemory,
        counters: Counters,
    ) -> None:
        self.resources: dict[str, Resource] = {}  # by the session's id
        self.copies: Counter[str] = Counter()  # of those, the ones that other nodes play, by room
        self.candidates: tuple[str, ...] = ()  # where our port is reached, for answers
        self._settings = settings
        self._certificate = certificate
        self._ice = ice
        self._memory = memory
        self._counters = counters
        self._admission = Admission(settings.max_sessions, settings.connecting_per_address)
        self._connecting: list[Resource] = []
        self._tasks = Tasks("sessions")
        self._running: set[asyncio.Task[None]] = set()

    def open(self, offer: Offer) -> Session:
        """A session for this offer, with its credentials; it does nothing until `run`."""
        session_id = new_session_id(self._settings.node_id)
        return Session(session_id, offer, self._certificate, self._ice, self._memory, self._counters)

    def local(self, session: Session) -> Local:
        """Our side of a session's transport, for an answer."""
        credentials = session.credentials
        return Local(credentials.ufrag, credentials.pwd, self._certificate.fingerprint, self.candidates)

    def run(self, resource: Resource) -> Resource:
        """From now on the session can be asked for, until it ends."""
        self.resources[resource.session.id] = resource
        self.copies[resource.slug] += resource.is_copy
        self._connecting.append(resource)
        task = self._tasks.start("session", self._run(resource))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return resource

    async def _run(self, resource: Resource) -> None:
        try:
            await resource.session.run(self._settings.connect_timeout_seconds)
        finally:
            del self.resources[resource.session.id]
            self.copies[resource.slug] -= resource.is_copy
            if not self.copies[resource.slug]:
                del self.copies[resource.slug]

    def check_viewer(self, client: str) -> None:
        """Whether one more viewer of this address has a place.

        Raises:
            Problem: 503 when the node is full, 429 when too many of this address are still connecting.
        """
        # Sessions whose DTLS is not up yet: few, also when a thousand are connected.
        self._connecting = [r for r in self._connecting if r.is_connecting and r.session.id in self.resources]
        self._admission.check_viewer(len(self.resources), self._connecting, client)

    def has_room(self, *, for_publisher: bool) -> bool:
        """Whether somebody new has a place, whoever he is."""
        try:
            if for_publisher:
                self._admission.check_publisher(self.resources.values())
            else:
                self._admission.check_viewer(len(self.resources), (), "")
        except Problem:
            return False
        return True

    def end_all(self) -> set[asyncio.Task[None]]:
        """Say goodbye to everybody; answers what is still to be waited for."""
        for resource in list(self.resources.values()):
            resource.session.end(Ending.SHUTDOWN)
        return set(self._running)

    async def aclose(self) -> None:
        """End what has not ended by itself."""
        await self._tasks.aclose()
