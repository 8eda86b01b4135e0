"""What streams and uploads become."""

from __future__ import annotations

from dataclasses import dataclass

from server.cards.service import Cards
from server.catalog.service import Catalog
from server.courses.service import Courses
from server.courses.store import CourseStore
from server.making.service import Queue
from server.recordings.chunks import Chunks
from server.recordings.jobs import MAKE_CHUNK, TRANSCODE, transcode_priority
from server.recordings.service import Recordings
from server.recordings.store import AssetStore, ChunkStore
from server.showroom.clips import Clips
from server.showroom.jobs import CUT_CLIP, SOON
from server.showroom.panoramas import Panoramas
from server.showroom.service import Showroom
from server.showroom.store import ClipStore, HallStore, PanoramaStore
from server.streams.service import Streams
from server.wiring.clients import Clients
from server.wiring.stores import Stores


@dataclass(frozen=True, slots=True)
class Library:
    """What streams and uploads become."""

    recordings: Recordings
    courses: Courses
    clips: Clips
    showroom: Showroom
    panoramas: Panoramas


async def build_library(
    clients: Clients, stores: Stores, streams: Streams, cards: Cards, catalog: Catalog
) -> Library:
    """Recordings, lessons, clips and halls."""
    settings, clock, database, objects = clients.settings, clients.clock, clients.database, clients.objects
    asset_store, chunk_store = AssetStore(database), ChunkStore(database)
    course_store = CourseStore(database)
    hall_store = HallStore(database)
    clip_store = ClipStore(database)
    for store in (asset_store, chunk_store, course_store, hall_store, clip_store):
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
    panoramas = Panoramas(PanoramaStore(database), objects, clock)
    clips = Clips(clip_store, clip_queue, catalog, objects, clock)
    asset_queue = Queue(
        asset_store,
        clients.jobs,
        clock,
        job=TRANSCODE,
        priority=transcode_priority,
        lease_seconds=settings.job_lease_seconds,
    )
    asset_queue.tell_changes_to(courses.asset_changed)
    chunk_queue = Queue(
        chunk_store,
        clients.jobs,
        clock,
        job=MAKE_CHUNK,
        priority=lambda chunk: chunk.priority,
        lease_seconds=settings.job_lease_seconds,
    )
    chunks = Chunks(chunk_store, chunk_queue, asset_store, asset_queue, clock)
    chunk_queue.tell_changes_to(chunks.changed)
    return Library(
        recordings=Recordings(
            asset_store, asset_queue, chunks, objects, courses, streams, stores.rooms, cards, clips, clock
        ),
        courses=courses,
        clips=clips,
        showroom=Showroom(hall_store, panoramas, clip_store, catalog, stores.rooms, stores.streams, clock),
        panoramas=panoramas,
    )
