"""Quizzes: written by a teacher, answered by learners, judged by the server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from server.ids import new_id
from server.quizzes.model import ATTEMPTS_A_DAY, AttemptKind
from server.quizzes.store import QuizStore
from tests.integration.academy.conftest import PASSWORD, Academy

STOP = {"at_ms": 30_000, "text": "先看什么？", "options": ["树势", "天气"], "right": [0], "why": "树势定剪量"}
END = {"at_ms": None, "text": "剪哪些？", "options": ["枯枝", "病枝", "果枝"], "right": [1, 0]}


async def write_quiz(
    academy: Academy, lesson_id: str, *questions: dict[str, Any], version: int = 0
) -> dict[str, Any]:
    body = {"version": version, "questions": [*questions]}
    status, quiz = await academy.teacher.ask("PUT", f"/api/my/lessons/{lesson_id}/quiz", body)
    assert status == 200, quiz
    return quiz


async def test_a_learner_answers_and_the_server_judges(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/lessons/{lesson}/quiz"
    assert (await academy.anybody.ask("GET", path))[1]["questions"] == []
    written = await write_quiz(academy, lesson, END, STOP)
    stop, end = (question["id"] for question in written["questions"])

    # then: nobody is told what is right before he has answered
    _, asked = await academy.learner.ask("GET", path)
    assert asked["questions"] == [
        {"id": stop, "at_ms": 30_000, "text": "先看什么？", "options": ["树势", "天气"], "several": False},
        {"id": end, "at_ms": None, "text": "剪哪些？", "options": ["枯枝", "病枝", "果枝"], "several": True},
    ]
    assert (await academy.anybody.ask("POST", f"{path}/answers", {"question_id": stop, "chosen": [0]}))[0] == 401

    # when: wrong, right, wrong, right
    _, first = await academy.learner.ask("POST", f"{path}/answers", {"question_id": stop, "chosen": [1]})
    _, second = await academy.learner.ask("POST", f"{path}/answers", {"question_id": stop, "chosen": [0]})
    tries = [
        (await academy.learner.ask("POST", f"{path}/attempts", {"version": 1, "answers": {end: chosen}}))[1]
        for chosen in ([2], [0, 1])
    ]

    # then
    assert first["answers"] == [{"question_id": stop, "chosen": [1], "is_right": False, "right": None, "why": None}]
    assert (second["answers"][0]["right"], second["answers"][0]["why"]) == ([0], "树势定剪量")
    assert (second["passed"], second["mine"]["right_ids"]) == (True, [stop])
    assert [judged["passed"] for judged in tries] == [False, True]
    assert (tries[0]["mine"]["passed_at"], tries[1]["mine"]["attempts"]) == (None, 2)
    assert tries[1]["mine"]["passed_at"]
    kept = academy.server.services.database["quiz_attempts"]
    assert await kept.count_documents({"user_id": academy.learner_user.id}) == 4


async def test_who_has_passed_stays_so_when_the_teacher_changes_the_quiz(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/lessons/{lesson}/quiz"
    [end] = [question["id"] for question in (await write_quiz(academy, lesson, END))["questions"]]
    await academy.learner.ask("POST", f"{path}/attempts", {"version": 1, "answers": {end: [0, 1]}})

    # when
    await write_quiz(academy, lesson, {**END, "id": end}, {**END, "text": "还有呢？"}, version=1)

    # then
    _, quiz = await academy.learner.ask("GET", path)
    assert quiz["mine"]["passed_at"]
    status, problem = await academy.learner.ask("POST", f"{path}/attempts", {"version": 1, "answers": {end: [0, 1]}})
    assert (status, problem["code"]) == (409, "quiz_changed")


async def test_guessing_has_an_end(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季修剪")
    await write_quiz(academy, lesson, END)
    body: dict[str, Any] = {"version": 1, "answers": {}}
    path = f"/api/lessons/{lesson}/quiz/attempts"
    for _ in range(ATTEMPTS_A_DAY):
        assert (await academy.learner.ask("POST", path, body))[0] == 201
    status, problem = await academy.learner.ask("POST", path, body)
    assert (status, problem["code"]) == (429, "too_many_attempts")


async def test_answers_left_out_tell_nothing_and_a_script_is_slowed(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/lessons/{lesson}/quiz"
    [stop, _] = [question["id"] for question in (await write_quiz(academy, lesson, STOP, END))["questions"]]

    # when
    _, judged = await academy.learner.ask("POST", f"{path}/attempts", {"version": 1, "answers": {}})

    # then
    assert [(given["right"], given["why"]) for given in judged["answers"]] == [(None, None)]
    body = {"question_id": stop, "chosen": [1]}
    told = [await academy.learner.ask("POST", f"{path}/answers", body) for _ in range(30)]
    assert (told[-2][0], told[-1][1]["code"]) == (201, "too_many_requests")


async def test_only_the_teacher_writes_and_two_pages_do_not_overwrite_each_other(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/my/lessons/{lesson}/quiz"
    await academy.anybody.sign_in("otherhost", PASSWORD)
    for method, body in (("GET", None), ("PUT", {"version": 0, "questions": [END]})):
        assert (await academy.anybody.ask(method, path, body))[1]["code"] == "not_allowed"
    answers = await asyncio.gather(
        *(academy.teacher.ask("PUT", path, {"version": 0, "questions": [question]}) for question in (END, STOP))
    )
    assert sorted(body.get("code", "fine") for _, body in answers) == ["fine", "quiz_changed"]
    for wrong in ({**END, "right": [9]}, {**END, "options": ["一"]}, {**STOP, "at_ms": 999_999}):
        status, problem = await academy.teacher.ask("PUT", path, {"version": 1, "questions": [wrong]})
        assert (status, problem["code"]) == (400, "bad_request")


async def wrong_again(academy: Academy, lesson: str, kind: AttemptKind, question_id: str, times: int) -> None:
    """The learner answers wrongly so often, as over many days."""
    now = academy.server.services.clock.now() - timedelta(days=2)
    answer = {"question_id": question_id, "chosen": [1], "is_right": False}
    await academy.server.services.database["quiz_attempts"].insert_many(
        {
            "_id": new_id(),
            "user_id": academy.learner_user.id,
            "lesson_id": lesson,
            "kind": kind,
            "version": 1,
            "answers": [answer],
            "is_passed": False,
            "at": now,
        }
        for _ in range(times)
    )


async def test_what_was_right_once_stays_right_however_often_it_is_wrong_after_that(academy: Academy) -> None:
    # given: a stop and an end that were answered rightly, and 501 wrong answers after each
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/lessons/{lesson}/quiz"
    written = await write_quiz(academy, lesson, STOP, {**STOP, "at_ms": 40_000}, END)
    stop, other, end = (question["id"] for question in written["questions"])
    await academy.learner.ask("POST", f"{path}/answers", {"question_id": stop, "chosen": [0]})
    await academy.learner.ask("POST", f"{path}/attempts", {"version": 1, "answers": {end: [0, 1]}})
    await wrong_again(academy, lesson, AttemptKind.ONE, stop, 501)
    await wrong_again(academy, lesson, AttemptKind.END, end, 501)

    # when: the last one that lacks
    _, judged = await academy.learner.ask("POST", f"{path}/answers", {"question_id": other, "chosen": [0]})

    # then
    assert judged["mine"]["right_ids"] == sorted([stop, other])
    assert judged["mine"]["passed_at"]
    assert judged["mine"]["attempts"] == 502


async def test_what_was_reached_before_standings_were_kept_counts(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/lessons/{lesson}/quiz"
    written = await write_quiz(academy, lesson, STOP, {**STOP, "at_ms": 40_000}, END)
    stop, other, end = (question["id"] for question in written["questions"])
    for question, chosen in ((stop, [0]), (other, [1])):
        await academy.learner.ask("POST", f"{path}/answers", {"question_id": question, "chosen": chosen})
    await academy.learner.ask("POST", f"{path}/attempts", {"version": 1, "answers": {end: [0, 1]}})
    database = academy.server.services.database
    await database["quiz_standings"].delete_many({})

    # when: a server of this version starts
    await QuizStore(database).make_indexes()

    # then
    _, quiz = await academy.learner.ask("GET", path)
    assert quiz["mine"] == {"right_ids": [stop], "attempts": 1, "passed_at": None}
    _, judged = await academy.learner.ask("POST", f"{path}/answers", {"question_id": other, "chosen": [0]})
    assert judged["mine"]["passed_at"]


async def test_what_a_killed_server_left_half_counted_is_counted_by_the_next(academy: Academy) -> None:
    # given: answers of an earlier version, one server that died while it counted them, and an answer since then
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/lessons/{lesson}/quiz"
    written = await write_quiz(academy, lesson, STOP, {**STOP, "at_ms": 40_000}, END)
    first, second, end = (question["id"] for question in written["questions"])
    await academy.learner.ask("POST", f"{path}/answers", {"question_id": first, "chosen": [0]})
    await academy.learner.ask("POST", f"{path}/attempts", {"version": 1, "answers": {end: [0, 1]}})
    database = academy.server.services.database
    await database["quiz_standings"].delete_many({})
    await academy.learner.ask("POST", f"{path}/answers", {"question_id": second, "chosen": [0]})

    # when
    store = QuizStore(database)
    for _ in range(2):
        await store.make_indexes()

    # then
    standing = await store.standing(academy.learner_user.id, lesson)
    assert (standing.right_ids, standing.has_passed_end) == (frozenset({first, second}), True)
