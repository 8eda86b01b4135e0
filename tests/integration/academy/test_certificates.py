"""Certificates: earned, printed, checked by strangers."""

from __future__ import annotations

import asyncio

from pypdfium2 import PdfDocument
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

from tests.integration.academy.conftest import Academy
from tests.integration.academy.test_quizzes import END, write_quiz


async def test_a_certificate_is_earned_printed_and_checked(academy: Academy) -> None:
    # given: a course of two lessons, one with a quiz
    first, second = await academy.add_lesson("冬季修剪"), await academy.add_lesson("清园")
    [end] = [question["id"] for question in (await write_quiz(academy, second, END))["questions"]]
    course = await academy.add_course("柑橘高产管护", [first, second])
    path = f"/api/courses/{course}/certificate"
    learner, name = academy.learner, {"name": " 李 明 "}

    # then: not before all is watched and passed
    assert (await learner.ask("POST", path, name))[1]["code"] == "not_finished"
    await academy.watch(first)
    await academy.watch(second)
    assert (await learner.ask("POST", path, name))[1]["code"] == "not_finished"
    _, way = await learner.ask("GET", path)
    assert way == {
        "steps": [
            {"lesson_id": first, "watched": True, "quiz_passed": None},
            {"lesson_id": second, "watched": True, "quiz_passed": False},
        ],
        "certificate": None,
    }
    await learner.ask("POST", f"/api/lessons/{second}/quiz/attempts", {"version": 1, "answers": {end: [0, 1]}})

    # when: he presses twice
    answers = await asyncio.gather(learner.ask("POST", path, name), learner.ask("POST", path, name))

    # then: it is one
    assert [status for status, _ in answers] == [201, 201]
    mine = answers[0][1]
    assert (answers[1][1], mine["name"], mine["holder"], mine["lesson_count"]) == (mine, "李 明", "李**", 2)
    assert (await learner.ask("GET", "/api/my/certificates"))[1]["items"] == [mine]

    # and: a stranger sees what it certifies, and not whose it is
    for typed in (mine["code"], mine["code"].lower().replace("-", "")):
        status, seen = await academy.anybody.ask("GET", f"/api/certificates/{typed}")
        assert (status, seen["course_title"]) == (200, "柑橘高产管护")
        assert "李 明" not in str(seen)
        assert "name" not in seen
    wrong = mine["code"][:-1] + ("2" if mine["code"][-1] != "2" else "3")
    assert (await academy.anybody.ask("GET", f"/api/certificates/{wrong}"))[1]["code"] == "mistyped_code"

    # and: the paper is for its owner, in a font that it carries itself
    assert (await academy.anybody.ask("GET", mine["paper_url"]))[0] == 401
    assert (await academy.teacher.ask("GET", mine["paper_url"]))[0] == 404
    async with learner.http.get(mine["paper_url"]) as response:
        assert response.content_type == "application/pdf"
        pdf = await response.read()
    text = PdfDocument(pdf)[0].get_textpage().get_text_range()
    assert all(words in text for words in ("李 明", "《柑橘高产管护》", "李技师", mine["code"]))
    assert b"/FontFile3" in pdf
    # and: whoever holds it in his hand can check it, also where nobody has set the platform's address
    assert f"{academy.server.url}/certificates/{mine['code']}" in text
    assert [True for _ in PdfDocument(pdf)[0].get_objects(filter=[FPDF_PAGEOBJ_IMAGE])]


async def test_there_is_none_for_a_course_in_preparation_or_without_lessons(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季修剪")
    course = await academy.add_course("柑橘", [lesson])
    await academy.watch(lesson)
    await academy.teacher.ask("PUT", f"/api/my/courses/{course}/state", {"state": "draft"})
    path = f"/api/courses/{course}/certificate"
    assert (await academy.learner.ask("POST", path, {"name": "李明"}))[0] == 404
    await academy.teacher.ask("PUT", f"/api/my/courses/{course}/lessons", {"version": 4, "chapters": []})
    await academy.server.services.database["courses"].update_one({"_id": course}, {"$set": {"state": "published"}})
    assert (await academy.learner.ask("POST", path, {"name": "李明"}))[1]["code"] == "no_certificate"
    assert (await academy.learner.ask("POST", path, {"name": ""}))[1]["code"] == "bad_request"


async def test_what_was_certified_stays_when_the_course_changes(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季修剪")
    course = await academy.add_course("柑橘", [lesson])
    await academy.watch(lesson)
    _, mine = await academy.learner.ask("POST", f"/api/courses/{course}/certificate", {"name": "李明"})
    await academy.teacher.ask("PATCH", f"/api/my/courses/{course}", {"version": 3, "title": "茶叶"})
    await academy.server.services.library.courses.remove(lesson)
    _, seen = await academy.anybody.ask("GET", f"/api/certificates/{mine['code']}")
    assert (seen["course_title"], seen["lesson_count"]) == ("柑橘", 1)


async def test_where_nothing_may_be_skipped_nobody_is_faster_than_time(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季修剪")
    course = await academy.add_course("柑橘", [lesson], no_skip=True)
    assert (await academy.anybody.ask("GET", f"/api/lessons/{lesson}"))[1]["no_skip"]
    path = f"/api/lessons/{lesson}/progress"
    report = {"position_ms": 60_000, "intervals": [[0, 60_000]]}

    # when: a minute is claimed in no time
    status, problem = await academy.learner.ask("PUT", path, report)

    # then: none of it counts, and told again after that minute all of it does
    assert (status, problem["code"]) == (409, "too_fast")
    await academy.learner.ask("PUT", path, {"position_ms": 0, "intervals": []})
    progress = academy.server.services.database["lesson_progress"]
    [kept] = [document async for document in progress.find()]
    await progress.update_one({"_id": kept["_id"]}, [{"$set": {"began_at": {"$subtract": ["$began_at", 60_000]}}}])
    assert (await academy.learner.ask("PUT", path, report))[1]["done"]
    assert (await academy.learner.ask("POST", f"/api/courses/{course}/certificate", {"name": "李明"}))[0] == 201
