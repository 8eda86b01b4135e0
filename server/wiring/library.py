"""What streams and uploads become."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from server.cards.service import Cards
from server.catalog.service import Catalog
from server.certificates.printing import Printer
from server.certificates.service import Certificates
from server.certificates.store import CertificateStore
from server.clips.jobs import CUT_CLIP, SOON
from server.clips.service import Clips
from server.clips.store import ClipStore
from server.courses.editing import CourseEditing
from server.courses.service import Courses
from server.courses.store import CourseStore
from server.fills.jobs import FILL
from server.fills.jobs import SOON as FILL_SOON
from server.fills.service import Fills
from server.fills.store import FillStore
from server.infra.transactions import Transactions
from server.lesson_questions.service import LessonQuestions
from server.lesson_questions.store import LessonQuestionStore
from server.making.service import Queue
from server.moderation.door import Door
from server.quizzes.service import Quizzes
from server.quizzes.store import QuizStore
from server.ratings.service import Ratings
from server.ratings.store import RatingStore
from server.recordings.chunks import Chunks
from server.recordings.jobs import MAKE_CHUNK, TRANSCODE, transcode_priority
from server.recordings.service import Recordings
from server.recordings.store import AssetStore, ChunkStore
from server.search.service import Search
from server.search.store import TextStore
from server.showroom.panoramas import Panoramas
from server.showroom.service import Showroom
from server.showroom.store import HallStore, PanoramaStore
from server.streams.service import Streams
from server.subtitles.service import Subtitles
from server.subtitles.store import SubtitleStore
from server.teaching.service import Teaching
from server.uploads.service import UploadLimits, Uploads
from server.uploads.store import UploadStore
from server.wiring.clients import Clients
from server.wiring.stores import Stores


@dataclass(frozen=True, slots=True)
class Library:
    """What streams and uploads become."""

    recordings: Recordings
    fills: Fills
    uploads: Uploads
    courses: Courses
    editing: CourseEditing
    subtitles: Subtitles
    search: Search
    quizzes: Quizzes
    certificates: Certificates
    questions: LessonQuestions
    ratings: Ratings
    teaching: Teaching
    clips: Clips
    showroom: Showroom
    panoramas: Panoramas


async def build_library(
    clients: Clients, stores: Stores, streams: Streams, cards: Cards, catalog: Catalog, door: Door
) -> Library:
    """Recordings, lessons, clips and halls."""
    settings, clock, database, objects = clients.settings, clients.clock, clients.database, clients.objects
    asset_store, chunk_store = AssetStore(database), ChunkStore(database)
    course_store = CourseStore(database, Transactions(database, settings.mongodb_timeout_seconds))
    text_store = TextStore(database)
    hall_store = HallStore(database)
    clip_store = ClipStore(database)
    quiz_store = QuizStore(database)
    certificate_store = CertificateStore(database)
    question_store = LessonQuestionStore(database)
    rating_store = RatingStore(database)
    upload_store = UploadStore(database)
    learned = (quiz_store, certificate_store, question_store, rating_store)
    fill_store = FillStore(database)
    made = (asset_store, chunk_store, fill_store, clip_store)
    for store in (upload_store, *made, course_store, text_store, hall_store, *learned):
        await store.make_indexes()
    courses = Courses(course_store, asset_store, clients.announcer, clock)
    subtitles = Subtitles(SubtitleStore(database), courses, clock)
    search = Search(text_store, course_store, courses, subtitles, clients.limits, clock)
    courses.tell_texts_to(search)
    quizzes = Quizzes(quiz_store, courses, clients.limits, clock)
    questions = LessonQuestions(question_store, courses, door, clients.limits, clients.announcer, clock)
    ratings = Ratings(rating_store, courses, door, clock)
    courses.take_along(search, subtitles, quizzes, questions, ratings)
    courses.move_along(subtitles, quizzes, questions)
    # A worker that can ask nobody goes on until its lease is over, and a write that it began may take so long.
    quiet_seconds = settings.job_lease_seconds + settings.s3_timeout_seconds
    clip_queue = Queue(
        clip_store,
        clients.jobs,
        clock,
        job=CUT_CLIP,
        priority=lambda _: SOON,
        lease_seconds=settings.job_lease_seconds,
    )
    panoramas = Panoramas(PanoramaStore(database), hall_store, objects, clock)
    clips = Clips(clip_store, clip_queue, catalog, stores.rooms, courses, objects, clock, quiet_seconds=quiet_seconds)
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
    recordings = Recordings(
        asset_store,
        asset_queue,
        chunks,
        objects,
        courses,
        streams,
        stores.rooms,
        cards,
        clips,
        clock,
        quiet_seconds=quiet_seconds,
    )
    fill_queue = Queue(
        fill_store,
        clients.jobs,
        clock,
        job=FILL,
        priority=lambda _: FILL_SOON,
        lease_seconds=settings.job_lease_seconds,
    )
    limits = UploadLimits(
        settings.upload_limit_bytes,
        settings.uploads_total_bytes,
        settings.uploads_per_teacher,
        timedelta(hours=settings.upload_idle_hours),
    )
    return Library(
        recordings=recordings,
        fills=Fills(fill_store, fill_queue, objects, streams, recordings, courses, clock),
        uploads=Uploads(upload_store, objects, courses, recordings, clock, limits),
        courses=courses,
        editing=CourseEditing(course_store, courses, clock),
        subtitles=subtitles,
        search=search,
        quizzes=quizzes,
        certificates=Certificates(
            certificate_store, courses, quizzes, Printer(settings.public_url), clients.limits, clock
        ),
        questions=questions,
        ratings=ratings,
        teaching=Teaching(course_store, courses, quizzes, ratings),
        clips=clips,
        showroom=Showroom(hall_store, panoramas, clip_store, catalog, stores.rooms, stores.streams, clock),
        panoramas=panoramas,
    )
