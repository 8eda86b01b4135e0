"""Finding lessons by what is said in them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

from server.accounts.model import User
from server.courses.store import CourseStore
from server.errors import TooManyRequests
from server.infra.searching import GUESTS_SEARCHING, SEARCHING
from server.infra.transactions import Transactions
from server.recordings.model import Chapter
from server.search.model import LessonText, Passage, PassageKind
from server.search.store import TextStore
from tests.integration.academy.conftest import Academy


async def find(academy: Academy, text: str) -> list[dict[str, Any]]:
    status, body = await academy.anybody.ask("GET", "/api/lessons", params={"q": text})
    assert status == 200, body
    items: list[dict[str, Any]] = body["items"]
    return items


def hits(pieces: list[dict[str, Any]]) -> list[str]:
    return [piece["text"] for piece in pieces if piece["hit"]]


async def test_a_word_is_found_where_it_is_said(academy: Academy) -> None:
    # given
    said = await academy.add_lesson("冬季管护", chapters=(Chapter(0, 20_000, "三看四剪", None),))
    await academy.upload_subtitles(said)

    # when
    [found] = await find(academy, "炭疽病")

    # then
    [passage] = found["found"]["passages"]
    assert (found["id"], passage["kind"], passage["start_ms"]) == (said, "said", 50_000)
    assert hits(passage["pieces"]) == ["炭疽病"]
    [chapter] = (await find(academy, "四剪"))[0]["found"]["passages"]
    assert (chapter["kind"], chapter["start_ms"]) == ("chapter", 0)


async def test_titles_come_before_what_is_only_said(academy: Academy) -> None:
    said = await academy.add_lesson("冬季管护")
    await academy.upload_subtitles(said)
    titled = await academy.add_lesson("炭疽病怎么防")
    assert [item["id"] for item in await find(academy, "炭疽病")] == [titled, said]
    assert hits((await find(academy, "炭疽"))[0]["found"]["title"]) == ["炭疽"]
    assert [item["id"] for item in await find(academy, "防 炭疽病")] == [titled]


async def test_the_search_knows_each_change(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季管护")
    await academy.upload_subtitles(lesson)
    course_id = await academy.add_course("柑橘高产", [lesson])

    # then: the course's title and tags count
    assert [item["id"] for item in await find(academy, "柑橘高产")] == [lesson]
    await academy.teacher.ask(
        "PATCH", f"/api/my/courses/{course_id}", {"version": 3, "tags": {"counties": ["湘阴县"]}}
    )
    assert await find(academy, "湘阴")

    # and: the chapter in which it stands
    chapters = [{"title": "采花制粉", "lesson_ids": [lesson]}]
    status, _ = await academy.teacher.ask(
        "PUT", f"/api/my/courses/{course_id}/lessons", {"version": 4, "chapters": chapters}
    )
    assert status == 200
    assert [item["id"] for item in await find(academy, "制粉")] == [lesson]

    # and: another title, no subtitles
    await academy.teacher.ask("PATCH", f"/api/my/lessons/{lesson}", {"title": "春季疏花"})
    assert not await find(academy, "冬季管护")
    assert await find(academy, "疏花")
    assert (await academy.teacher.ask("DELETE", f"/api/my/lessons/{lesson}/subtitles"))[0] == 204
    assert not await find(academy, "炭疽病")

    # and: a course in preparation is nobody's to find
    await academy.teacher.ask("PUT", f"/api/my/courses/{course_id}/state", {"state": "draft"})
    assert not await find(academy, "疏花")

    # and: a lesson that goes
    await academy.teacher.ask("PUT", f"/api/my/courses/{course_id}/state", {"state": "published"})
    assert await find(academy, "疏花")
    await academy.server.services.library.courses.remove(lesson)
    assert not await find(academy, "疏花")


async def test_lessons_of_before_the_search_are_read_by_the_sweep(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季管护")
    database = academy.server.services.database
    await database["lesson_texts"].delete_many({})
    await database["lessons"].update_one({"_id": lesson}, {"$unset": {"indexed_at": 1, "text_version": 1}})
    await academy.server.services.library.search.refresh()
    assert [item["id"] for item in await find(academy, "管护")] == [lesson]


async def test_lessons_are_read_again_when_more_of_them_can_be_found(academy: Academy) -> None:
    # given: a lesson of which an earlier version read less
    lesson = await academy.add_lesson("冬季管护")
    await academy.server.services.library.search.refresh()
    database = academy.server.services.database
    await database["lesson_texts"].delete_many({})
    await database["lessons"].update_one({"_id": lesson}, {"$set": {"indexed_form": 1}})

    # when: a server of this version starts
    await CourseStore(database, Transactions(database, 5.0)).make_indexes()
    await academy.server.services.library.search.refresh()

    # then
    assert [item["id"] for item in await find(academy, "管护")] == [lesson]


async def test_a_change_while_a_lesson_is_read_is_read_again(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季管护")
    database, clock = academy.server.services.database, academy.server.services.clock
    before = await database["lessons"].find_one({"_id": lesson})
    assert before is not None
    library = academy.server.services.library
    await library.editing.rename_lesson(academy.teacher_user, lesson, "春季疏花")
    await database["lessons"].update_one({"_id": lesson}, {"$set": {"indexed_at": None}})

    # when: who read the old title says that he is done
    await CourseStore(database, Transactions(database, 5.0)).text_indexed(lesson, before["text_version"], clock.now())

    # then
    after = await database["lessons"].find_one({"_id": lesson})
    assert after is not None
    assert after["indexed_at"] is None


async def test_nothing_is_found_without_a_query_index(academy: Academy) -> None:
    await academy.add_lesson("冬季管护")
    plan = await academy.server.services.database["lesson_texts"].find({"all": {"$in": ["冬季"]}}).explain()
    assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])


async def test_guests_of_one_address_and_each_person_search_so_often(academy: Academy) -> None:
    # given
    search = academy.server.services.library.search
    most_of_guests, most = (int(limit.partition("/")[0]) for limit in (GUESTS_SEARCHING, SEARCHING))

    async def is_refused(user: User | None, address: str) -> bool:
        try:
            await search.find("修剪", user, address)
        except TooManyRequests:
            return True
        return False

    # when
    guests = [await is_refused(None, "203.0.113.9") for _ in range(most_of_guests + 1)]
    person = [await is_refused(academy.learner_user, "203.0.113.9") for _ in range(most + 1)]

    # then: the last one each, and nobody for what another does
    assert (sum(guests), guests[-1]) == (1, True)
    assert (sum(person), person[-1]) == (1, True)
    assert not await is_refused(None, "203.0.113.10")
    assert not await is_refused(academy.teacher_user, "203.0.113.9")


class Noted(tuple[Passage, ...]):
    """Passages that know who has read them."""

    __slots__ = ()
    readers: ClassVar[set[int]] = set()

    def __iter__(self) -> Iterator[Passage]:
        self.readers.add(threading.get_ident())
        return super().__iter__()


async def test_a_long_text_is_read_beside_the_loop(academy: Academy) -> None:
    passages = Noted(Passage(PassageKind.SAID, n, "先看树势再看通风") for n in range(10))
    await TextStore(academy.server.services.database).put(LessonText("lesson", "冬季管护", passages))
    assert Noted.readers
    assert threading.get_ident() not in Noted.readers
