"""Stars, and what a teacher sees of those who learn."""

from __future__ import annotations

from tests.integration.academy.conftest import PASSWORD, Academy
from tests.integration.academy.test_quizzes import END, write_quiz


async def test_stars_are_for_who_has_watched_and_one_vote_each(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/lessons/{lesson}/rating"
    assert (await academy.learner.ask("GET", path))[1] == {"average": 0, "count": 0, "mine": None, "may_rate": False}
    await academy.watch(lesson, 0, 20_000)
    assert (await academy.learner.ask("PUT", path, {"stars": 5}))[1]["code"] == "watch_first"
    await academy.watch(lesson, 20_000, 40_000)
    assert (await academy.learner.ask("GET", path))[1]["may_rate"]
    for stars in (5, 3):
        status, body = await academy.learner.ask("PUT", path, {"stars": stars})
        assert (status, body["average"], body["count"], body["mine"]) == (200, stars, 1, stars)
    for wrong in (0, 6, 2.5):
        assert (await academy.learner.ask("PUT", path, {"stars": wrong}))[0] == 400
    assert (await academy.teacher.ask("PUT", path, {"stars": 5}))[1]["code"] == "not_allowed"


async def test_a_teacher_sees_where_learners_leave_and_what_they_answer(academy: Academy) -> None:
    # given: one watches all, another the first half
    lesson = await academy.add_lesson("冬季修剪")
    [end] = [question["id"] for question in (await write_quiz(academy, lesson, END))["questions"]]
    await academy.watch(lesson)
    await academy.anybody.sign_in("otherhost", PASSWORD)
    half = {"position_ms": 30_000, "intervals": [[0, 30_000]]}
    await academy.anybody.ask("PUT", f"/api/lessons/{lesson}/progress", half)
    for chosen in ([2], [0, 1]):
        body = {"version": 1, "answers": {end: chosen}}
        await academy.learner.ask("POST", f"/api/lessons/{lesson}/quiz/attempts", body)

    # when
    status, figures = await academy.teacher.ask("GET", f"/api/my/lessons/{lesson}/figures")

    # then
    assert status == 200
    assert (figures["learners"], figures["done"], figures["mean_watched_ms"]) == (2, 1, 45_000)
    assert figures["parts"] == [2] * 20 + [1] * 20
    assert figures["part_ms"] == 1500
    assert figures["quiz"] == {
        "passed": 1,
        "questions": [{"id": end, "text": "剪哪些？", "asked": 2, "right": 1}],
    }
    assert (await academy.anybody.ask("GET", f"/api/my/lessons/{lesson}/figures"))[1]["code"] == "not_allowed"
