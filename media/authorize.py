"""Asks the server's hook whether a stream key may publish, and as which stream."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from config.logs import logger
from config.settings import MediaSettings
from media.problems import key_missing, key_wrong, unavailable, unknown_room

log = logger(__name__)

PASSED_ON = {401: key_missing, 403: key_wrong, 404: unknown_room}


@dataclass(frozen=True, slots=True)
class Grant:
    """The hook's yes: which stream of which room this publisher feeds."""

    room_id: str
    stream_id: str
    title: str


class Hook:
    """The hook of PROTOCOL.md, called over one client session that somebody else closes."""

    def __init__(self, settings: MediaSettings, client: aiohttp.ClientSession) -> None:
        self._url = settings.authorize_url
        self._node_id = settings.node_id
        self._secret = settings.internal_secret.get_secret_value()
        self._timeout = aiohttp.ClientTimeout(total=settings.authorize_timeout_seconds)
        self._client = client

    async def authorize(self, slug: str, key: str) -> Grant:
        """Who publishes with this key.

        Raises:
            Problem: 401, 403, 404 as the hook says; 503 when it is away or makes no sense.
        """
        try:
            async with self._client.post(
                self._url,
                json={"slug": slug, "key": key, "node_id": self._node_id},
                headers={"Authorization": f"Bearer {self._secret}"},
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                if response.status in PASSED_ON:
                    raise PASSED_ON[response.status]()
                if response.status != 200:
                    log.warning("hook refused", status=response.status)
                    raise unavailable("the server that checks stream keys answers with a fault")
                return _read(await response.json())
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            log.warning("hook is away", error=type(error).__name__)
            raise unavailable("the server that checks stream keys does not answer") from error


def _read(body: object) -> Grant:
    if not isinstance(body, dict) or not all(isinstance(body.get(k), str) for k in ("room_id", "stream_id")):
        raise ValueError("the hook's answer names no stream")
    return Grant(body["room_id"], body["stream_id"], str(body.get("title", "")))
