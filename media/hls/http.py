"""Low-latency HLS of what is on the air, `/hls/{slug}/…`, made so that any HTTP cache may stand before it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from aiohttp import hdrs, web
from redis.exceptions import RedisError

from media.hls.aac import AAC_CODEC, aac_init, channels_of
from media.hls.airing import Airing, Airings
from media.hls.before import FilesBefore
from media.hls.history import Text
from media.hls.live import LiveSegment, Point, fragment_of
from media.hls.places import Places
from media.hls.playlist import PLAYLIST_TYPE
from media.hls.shelf import AacMaker, Shelf
from media.http import CORS, SLUG, allowed, client_address
from media.node import Node
from media.problems import Problem, bad_request, not_found, not_yet

IMMUTABLE = "public, max-age=31536000, immutable"
SHORT = "public, max-age=1"
WAITED_FOR = "public, max-age=24"  # RFC 8216bis, B.1: what was waited for, six target durations
CHUNK_BYTES = 64 * 1024  # so much of an answer waits in the socket of a slow player
WRITE_SECONDS = 20.0  # who takes less than a chunk in it is hung up on
ANSWER_SECONDS = 120.0  # and who does not have all of an answer by then: hls.js waits no longer for a segment
# Of segments that are not in memory anyway and are being sent; a crowd that watches the same ones counts once.
OLD_BYTES = 96_000_000
MP4_TYPE, PART_TYPE = "video/mp4", "video/iso.segment"
_STREAM = r"{stream:[A-Za-z0-9_-]{1,100}}"
_NUMBER = re.compile(r"\d{1,12}")


class HlsRoutes:
    """What a player may ask of this node."""

    def __init__(self, node: Node, airings: Airings, shelf: Shelf) -> None:
        self._node = node
        self._airings = airings
        self._shelf = shelf
        self._aac = AacMaker()
        self._before = FilesBefore(shelf, self._aac)
        self._old = Places(OLD_BYTES)

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        place = f"/hls/{SLUG}"
        app.router.add_get(f"{place}/index.m3u8", self.index)
        for rendition, send_file in (("", self.file), ("/aac", self.aac_file)):
            app.router.add_get(f"{place}/{_STREAM}{rendition}/live.m3u8", self.playlist)
            app.router.add_get(f"{place}/{_STREAM}{rendition}/{{name}}", send_file)
        app.router.add_route("OPTIONS", f"{place}/{{rest:.+}}", self.options)

    async def options(self, request: web.Request) -> web.Response:
        """CORS preflight."""
        return allowed()

    async def index(self, request: web.Request) -> web.Response:
        """Which renditions there are of what is on now."""
        stream = self._node.streams.get(request.match_info["slug"])
        airing = None if stream is None else self._airings.get(stream.stream_id)
        if stream is None or airing is None:
            raise await self._absence(request.match_info["slug"], "", "nobody is publishing here now")
        self._node.passes.check(request.query.get("pass", ""), stream.room_id, time.time())
        await self._first_fragment(request, airing)
        text = multivariant(stream.stream_id, airing, stream.bits_per_second)
        return web.Response(text=text, content_type=PLAYLIST_TYPE, headers={hdrs.CACHE_CONTROL: SHORT})

    async def playlist(self, request: web.Request) -> web.StreamResponse:
        """The media playlist; with `_HLS_msn` as soon as it has what is asked for."""
        airing = await self._airing(request)
        await self._first_fragment(request, airing)
        point = asked_point(request)
        if point is not None and airing.live.is_too_far(point):
            raise bad_request("nobody can know of this part yet")
        if point is not None and not airing.live.has(point):
            with self._airings.place(self._client(request)):
                if not await airing.wait_for(point, self._airings.is_leaving):
                    raise not_yet()
        has_before = point is None or airing.knows(point)
        is_delta = has_before and request.query.get("_HLS_skip") in ("YES", "v2")
        return await send_text(request, airing.text(is_delta=is_delta), SHORT if point is None else WAITED_FOR)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """An init segment, a segment or a fragment of one."""
        airing, name = await self._airing(request), request.match_info["name"]
        stream_id = request.match_info["stream"]
        if airing.is_earlier(name):
            return await self._send_before(request, name, await self._before.read(stream_id, name))
        fragment = fragment_of(name)
        if fragment is not None:
            segment, number = await self._fragment(request, airing, *fragment)
            return await send(request, name, [segment.bodies[number]])
        with self._held(request, airing, name):
            return await send(request, name, await self._whole(stream_id, airing, name))

    async def aac_file(self, request: web.Request) -> web.StreamResponse:
        """The same with the sound in AAC."""
        airing, name = await self._airing(request), request.match_info["name"]
        stream_id = request.match_info["stream"]
        if airing.is_earlier(name):
            return await self._send_before(request, name, await self._before.read_aac(stream_id, name))
        if name.endswith(".mp4"):
            return await send(request, name, [aac_init(b"".join(await self._whole(stream_id, airing, name)))])
        with self._held(request, airing, name):
            own, earlier, segment = await self._to_encode(request, airing, name)
            previous = airing.live.before(segment) if len(earlier) < 2 else None
            before = [] if previous is None else [*await self._whole(stream_id, airing, previous.name)]
            init = b"".join(await self._whole(stream_id, airing, segment.init))
            made = await self._aac.make(stream_id, name, b"".join([*before, *earlier]), own, channels_of(init))
            return await send(request, name, [made])

    async def _send_before(self, request: web.Request, name: str, body: bytes) -> web.StreamResponse:
        """What the node that had the stream before recorded: it may be gone by now."""
        with self._old.take(self._client(request), len(body), request.path):
            return await send(request, name, [body])

    async def _to_encode(
        self, request: web.Request, airing: Airing, name: str
    ) -> tuple[bytes, Sequence[bytes], LiveSegment]:
        """A segment or fragment, what came before it in the same segment, and that segment."""
        fragment = fragment_of(name)
        if fragment is not None:
            segment, number = await self._fragment(request, airing, *fragment)
            return segment.bodies[number], segment.bodies[max(0, number - 2) : number], segment
        own = b"".join(await self._whole(request.match_info["stream"], airing, name))
        found = airing.live.find(name)
        if found is None:
            raise not_found("there is no such part")
        return own, [], found

    def _held(self, request: web.Request, airing: Airing, name: str) -> AbstractContextManager[None]:
        """A place for a segment that has to be read: slow players must not fill the memory. Raises Problem: 503."""
        segment = airing.live.find(name)
        if segment is None or segment.bodies:
            return nullcontext()
        return self._old.take(self._client(request), segment.bytes, request.path)

    async def _whole(self, stream_id: str, airing: Airing, name: str) -> Sequence[bytes]:
        if name in airing.inits:
            return [airing.inits[name]]
        segment = airing.live.find(name)
        is_init = any(run.init == name for run in airing.runs)
        if not is_init and (segment is None or segment.closed_ns is None):
            raise not_found("there is no such part")
        if segment is not None and segment.bodies:
            return segment.bodies
        return [await self._shelf.read(stream_id, name)]

    async def _fragment(
        self, request: web.Request, airing: Airing, name: str, number: int
    ) -> tuple[LiveSegment, int]:
        """Where a fragment is; of the one that the playlist has hinted at, as soon as it is there."""
        live = airing.live

        def is_decided() -> bool:
            segment = live.find(name)
            return live.is_over or (
                segment is not None and (segment.closed_ns is not None or number < len(segment.ends_ns))
            )

        segment = live.find(name)
        newest = (name, number) == (airing.next_name, 0) if segment is None else number == len(segment.ends_ns)
        if newest and not is_decided():
            with self._airings.place(self._client(request)):
                if not await airing.wait(is_decided, self._airings.is_leaving):
                    raise not_yet()
            segment = live.find(name)
        if segment is None or number >= len(segment.bodies):
            raise not_found("there is no such part")
        return segment, number

    async def _airing(self, request: web.Request) -> Airing:
        slug, stream_id = request.match_info["slug"], request.match_info["stream"]
        airing = self._airings.get(stream_id)
        if airing is None:
            raise await self._absence(slug, stream_id, "this stream is not on the air")
        return airing

    async def _absence(self, slug: str, stream_id: str, detail: str) -> Problem:
        """503 for a stream that begins, moves or may come back: players take 404 for the end. Also while Redis is
        away, since nobody can say."""
        try:
            is_awaited = await self._node.registry.is_awaited(slug, stream_id)
        except (RedisError, OSError):
            is_awaited = True
        return not_yet() if is_awaited else not_found(detail)

    async def _first_fragment(self, request: web.Request, airing: Airing) -> None:
        """Wait until there is something to play. Raises Problem: 503, it did not come; 404, it will not."""
        if airing.is_empty and not airing.live.is_over:
            with self._airings.place(self._client(request)):
                await airing.wait(lambda: not airing.is_empty or airing.live.is_over, self._airings.is_leaving)
        if airing.is_empty:
            raise not_found("nothing has come") if airing.live.is_over else not_yet()

    def _client(self, request: web.Request) -> str:
        return client_address(request, self._node.settings.trusted_proxy_hops)


def multivariant(stream_id: str, airing: Airing, bits_per_second: int) -> str:
    """The renditions of a stream, as its newest run is coded: as it is recorded, and with AAC for who lacks Opus.

    It is read once, so it promises nothing that a later segment may break: whether all segments are independent the
    playlists of the renditions say.
    """
    run = airing.runs[-1]
    size = f",RESOLUTION={run.width}x{run.height}" if run.video_codec else ""
    bandwidth = max(64_000, bits_per_second * 13 // 10)
    lines = ["#EXTM3U", "#EXT-X-VERSION:7"]
    sounds = {"live.m3u8": run.audio_codec} | ({"aac/live.m3u8": AAC_CODEC} if run.audio_codec else {})
    for uri, sound in sounds.items():
        codecs = ",".join(codec for codec in (run.video_codec, sound) if codec)
        lines += [f'#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS="{codecs}"{size}', f"{stream_id}/{uri}"]
    return "\n".join([*lines, ""])


def asked_point(request: web.Request) -> Point | None:
    """What a request waits for.

    Raises:
        Problem: 400 for numbers that are none, and for a part of no segment.
    """
    sequence, part = request.query.get("_HLS_msn"), request.query.get("_HLS_part")
    if sequence is None and part is not None:
        raise bad_request("_HLS_part needs _HLS_msn")
    if any(value is not None and not _NUMBER.fullmatch(value) for value in (sequence, part)):
        raise bad_request("_HLS_msn and _HLS_part are whole numbers")
    return None if sequence is None else Point(int(sequence), None if part is None else int(part))


async def send_text(request: web.Request, text: Text, kept: str) -> web.StreamResponse:
    """A playlist, zipped for who takes that."""
    is_zipped = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    headers: dict[str, str] = {
        hdrs.CACHE_CONTROL: kept,
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        hdrs.CONTENT_TYPE: PLAYLIST_TYPE,
    }
    if is_zipped:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    etag = f'"{text.etag}{"-z" if is_zipped else ""}"'
    return await _send(request, {**headers, hdrs.ETAG: etag}, [text.zipped] if is_zipped else text.plain)


async def send(request: web.Request, name: str, body: Sequence[bytes]) -> web.StreamResponse:
    """A file that never changes."""
    kind = MP4_TYPE if name.endswith(".mp4") else PART_TYPE
    etag = f'"{name}-{sum(len(piece) for piece in body)}"'
    headers: dict[str, str] = {hdrs.CACHE_CONTROL: IMMUTABLE, hdrs.ETAG: etag, hdrs.CONTENT_TYPE: kind}
    return await _send(request, headers, body)


async def _send(request: web.Request, headers: Mapping[str, str], body: Sequence[bytes]) -> web.StreamResponse:
    """Chunk by chunk, so that a slow player holds no copy of it; 304 for who has it."""
    if _has(request, headers[hdrs.ETAG]):
        return web.Response(status=304, headers=headers)
    response = web.StreamResponse(headers={**headers, **CORS})
    response.content_length = sum(len(piece) for piece in body)
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await _write(response, body)
        except (TimeoutError, ConnectionError):  # too slow, or gone: players hang up whenever they are moved on
            if request.transport is not None:
                request.transport.abort()
    return response


async def _write(response: web.StreamResponse, body: Sequence[bytes]) -> None:
    for piece in body:
        for begin in range(0, len(piece), CHUNK_BYTES):
            async with asyncio.timeout(WRITE_SECONDS):
                await response.write(memoryview(piece)[begin : begin + CHUNK_BYTES])


def _has(request: web.Request, etag: str) -> bool:
    asked: str = request.headers.get(hdrs.IF_NONE_MATCH, "")
    known = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    return etag in known or "*" in known
