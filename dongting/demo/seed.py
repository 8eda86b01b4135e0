"""Fills the platform with the demo, through the services; safe to run at each start: what is there stays as it is."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.logs import logger
from dongting.demo import data
from server.accounts.model import Role, User
from server.courses.editing import CourseChange
from server.courses.model import Lesson, Tags
from server.errors import Conflict
from server.ids import new_id
from server.quizzes.model import USUAL_PASS_PERCENT, Question
from server.recordings.model import Chapter
from server.showroom.model import Booth, HallPlan
from server.wiring import Services

log = logger(__name__)

CHINA = ZoneInfo("Asia/Shanghai")


async def seed(services: Services) -> None:
    """Everything, in the order in which one thing needs another."""
    await _pictures(services)
    people = {account.name: await _account(services, account) for account in data.ACCOUNTS}
    for merchant in data.MERCHANTS:
        with suppress(Conflict):  # it is there already
            await services.catalog.add_merchant(merchant.name, merchant.summary, merchant_id=merchant.id)
        await _room(services, people[merchant.host], merchant)
    for product in data.PRODUCTS:
        await _product(services, product)
    for hall in data.HALLS:
        await _hall(services, hall)
    for course in data.COURSES:
        await _course(services, people[course.teacher], course)
    await _chat(services, people)


def picture_url(name: str) -> str:
    """Where a picture of the demo is served."""
    return f"/files/{data.PICTURE_PREFIX}{name}"


async def _pictures(services: Services) -> None:
    kept = set(await services.objects.list_keys(data.PICTURE_PREFIX))
    for path in sorted(data.CONTENT.glob("*.webp")):
        key = data.PICTURE_PREFIX + path.name
        if key not in kept:
            await services.objects.put_file(key, path, "image/webp")


async def _account(services: Services, account: data.Account) -> User:
    found = await services.accounts.find_name(account.name)
    if found is not None:
        return found
    roles = frozenset(Role(role) for role in account.roles)
    return await services.accounts.register(
        account.name, data.PASSWORD, account.display_name, account.phone, roles=roles
    )


def next_broadcast(now: datetime, ahead: tuple[int, int, int]) -> datetime:
    """So many days from now, at an hour and minute of China's clock."""
    days, hour, minute = ahead
    day = now.astimezone(CHINA).date() + timedelta(days=days)
    return datetime.combine(day, time(hour, minute), CHINA)


async def _room(services: Services, host: User, merchant: data.Merchant) -> None:
    now = services.clock.now()
    planned = next_broadcast(now, merchant.next_broadcast)
    try:
        await services.rooms.open(
            host,
            merchant.slug,
            merchant.room_title,
            merchant.id,
            cover_url=picture_url(merchant.cover),
            scheduled_at=planned,
        )
    except Conflict:
        room = (await services.rooms.own(host)).room
        if room.scheduled_at is not None and room.scheduled_at < now:
            await services.rooms.edit(host, {"scheduled_at": planned})


async def _product(services: Services, product: data.Product) -> None:
    with suppress(Conflict):  # it is there already, perhaps with another price or stock by now
        await services.catalog.add_product(
            product.merchant,
            name=product.name,
            description=product.description,
            price_fen=product.price_fen,
            unit=product.unit,
            stock=product.stock,
            origin=product.origin,
            picture_url=picture_url(product.picture),
            product_id=product.id,
        )


async def _hall(services: Services, hall: data.Hall) -> None:
    plan = HallPlan(
        title=hall.title,
        summary=hall.summary,
        county=hall.county,
        season=hall.season,
        panorama_id=hall.panorama,
        booths=tuple(Booth(booth.id, booth.merchant, booth.yaw, booth.pitch) for booth in hall.booths),
        is_open=True,
    )
    with suppress(Conflict):  # it is there already, perhaps rebuilt by an operator
        await services.library.showroom.build(plan, hall_id=hall.id)


async def _course(services: Services, teacher: User, course: data.Course) -> None:
    library = services.library
    made = await library.courses.add_course(
        teacher, course.title, course.summary, cover_url=picture_url(course.cover), course_id=course.id
    )
    tags = Tags(course.crops, course.seasons, course.counties)
    if made.tags == Tags() != tags:
        await library.editing.change(teacher, made.id, CourseChange(made.version, tags=tags))
    _, lessons = await library.courses.look_course(made.id, teacher)
    there = {view.lesson.title: view.lesson for view in lessons}
    for lesson in course.lessons:
        path = data.CONTENT / lesson.file
        kept = there.get(lesson.title) or await library.recordings.add_upload(
            teacher, lesson.title, made.id, path, path.stat().st_size, chapters=chapters_of(lesson)
        )
        await _study(services, teacher, kept, lesson)


async def _study(services: Services, teacher: User, kept: Lesson, lesson: data.Lesson) -> None:
    """What a lesson has beside its video: subtitles and a quiz; a teacher may have changed them since."""
    library = services.library
    if lesson.subtitles and not kept.subtitles:
        raw = (data.CONTENT / lesson.subtitles).read_bytes()  # some lines, read once
        await library.subtitles.upload(teacher, kept.id, raw)
    if lesson.quiz and (await library.quizzes.look_own(teacher, kept.id)).version == 0:
        await library.quizzes.write(teacher, kept.id, 0, questions_of(lesson), USUAL_PASS_PERCENT)


def questions_of(lesson: data.Lesson) -> list[Question]:
    """The quiz of a lesson as the academy keeps it."""
    return [
        Question(
            new_id(),
            None if question.at_seconds is None else round(question.at_seconds * 1000),
            question.text,
            question.options,
            question.right,
            question.why,
        )
        for question in lesson.quiz
    ]


def chapters_of(lesson: data.Lesson) -> tuple[Chapter, ...]:
    """Each step up to the next one."""
    starts = [chapter.start_seconds for chapter in lesson.chapters]
    return tuple(
        Chapter(round(chapter.start_seconds * 1000), round(end * 1000), chapter.title, None)
        for chapter, end in zip(lesson.chapters, [*starts[1:], lesson.seconds], strict=True)
    )


async def _chat(services: Services, people: dict[str, User]) -> None:
    hosts = {merchant.slug: people[merchant.host] for merchant in data.MERCHANTS}
    rooms = {slug: (await services.rooms.look(slug)).room for slug in hosts}
    empty = {slug for slug, room in rooms.items() if not await services.chat.history(room.id)}
    for slug, author, text in data.CHAT:
        if slug in empty:
            await services.chat.say(people[author], rooms[slug].id, text)
