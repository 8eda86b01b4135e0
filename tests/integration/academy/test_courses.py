"""A teacher makes a course out of his lessons; who sees and changes what."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.integration.academy.conftest import PASSWORD, Academy


async def test_a_course_is_made_in_private_put_in_order_and_published(academy: Academy) -> None:
    # given: a replay and two uploads, of which one goes into the course at once
    teacher, anybody = academy.teacher, academy.anybody
    replay = await academy.add_lesson("直播回放", is_replay=True)
    upload = await academy.add_lesson("冬季修剪")
    status, course = await teacher.ask(
        "POST", "/api/my/courses", {"title": " 柑橘 管护 ", "summary": "从冬剪\n到保果"}
    )
    assert (status, course["title"], course["state"], course["version"]) == (201, "柑橘 管护", "draft", 0)
    path = f"/api/my/courses/{course['id']}"
    hidden = await academy.add_lesson("清园", course_id=course["id"])

    # when: he says what it is for, and puts it in order
    tags = {"crops": ["柑橘", "柑橘"], "seasons": ["冬季"], "counties": ["华容县"]}
    _, changed = await teacher.ask("PATCH", path, {"version": 1, "tags": tags})
    chapters = [{"title": "修剪", "lesson_ids": [upload, replay]}, {"title": "清园", "lesson_ids": [hidden]}]
    _, arranged = await teacher.ask("PUT", f"{path}/lessons", {"version": 2, "chapters": chapters})
    assert (changed["tags"]["crops"], arranged["version"], arranged["lesson_count"]) == (["柑橘"], 3, 3)

    # then: before it is published others see neither the course nor what was uploaded into it, but what was live
    assert (await anybody.ask("GET", f"/api/courses/{course['id']}"))[0] == 404
    assert [(await anybody.ask("GET", f"/api/lessons/{lesson}"))[0] for lesson in (replay, upload, hidden)] == [
        200,
        404,
        404,
    ]
    _, newest = await anybody.ask("GET", "/api/lessons")
    assert [item["id"] for item in newest["items"]] == [replay]

    # and: after that everybody, in the teacher's order
    assert (await teacher.ask("PUT", f"{path}/state", {"state": "published"}))[1]["state"] == "published"
    _, seen = await anybody.ask("GET", f"/api/courses/{course['id']}")
    assert [lesson["id"] for lesson in seen["lessons"]] == [upload, replay, hidden]
    assert seen["chapters"] == chapters
    assert seen["tags"] == {**tags, "crops": ["柑橘"]}

    # and: what is taken out goes back to where it came from: the upload to its teacher alone
    chapters = [{"title": "修剪", "lesson_ids": [upload]}]
    version = (await course_of(academy, course["id"]))["version"]
    await teacher.ask("PUT", f"{path}/lessons", {"version": version, "chapters": chapters})
    _, lesson = await teacher.ask("GET", f"/api/lessons/{hidden}")
    assert lesson["course_id"] is None
    assert (await anybody.ask("GET", f"/api/lessons/{hidden}"))[0] == 404
    assert (await anybody.ask("GET", f"/api/lessons/{replay}"))[0] == 200


async def course_of(academy: Academy, course_id: str) -> dict[str, Any]:
    """A course as its teacher sees it now."""
    _, body = await academy.teacher.ask("GET", "/api/my/courses")
    found: dict[str, Any] = next(course for course in body["items"] if course["id"] == course_id)
    return found


async def test_an_upload_that_is_taken_out_of_a_draft_stays_its_teachers_alone(academy: Academy) -> None:
    # given
    _, course = await academy.teacher.ask("POST", "/api/my/courses", {"title": "柑橘管护"})
    path = f"/api/my/courses/{course['id']}/lessons"
    hidden = await academy.add_lesson("清园", course_id=course["id"])

    # when
    assert (await academy.teacher.ask("PUT", path, {"version": 1, "chapters": []}))[0] == 200

    # then
    assert (await academy.teacher.ask("GET", f"/api/lessons/{hidden}"))[1]["course_id"] is None
    assert (await academy.anybody.ask("GET", f"/api/lessons/{hidden}"))[0] == 404
    for where in ("/api/lessons", "/api/lessons?q=清园"):
        assert (await academy.anybody.ask("GET", where))[1]["items"] == []


async def test_a_lesson_that_comes_is_a_change_of_its_course(academy: Academy) -> None:
    # given: a page on which the course is put in order
    _, course = await academy.teacher.ask("POST", "/api/my/courses", {"title": "柑橘管护"})

    # when: meanwhile an upload becomes a lesson of it
    lesson = await academy.add_lesson("清园", course_id=course["id"])

    # then: that page cannot throw it out unseen
    path = f"/api/my/courses/{course['id']}/lessons"
    status, problem = await academy.teacher.ask("PUT", path, {"version": 0, "chapters": []})
    assert (status, problem["code"]) == (409, "course_changed")
    assert (await academy.teacher.ask("GET", f"/api/lessons/{lesson}"))[1]["course_id"] == course["id"]


async def test_only_what_the_search_knows_of_a_course_is_read_again(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季修剪")
    course_id = await academy.add_course("柑橘管护", [lesson])
    lessons = academy.server.services.database["lessons"]

    async def readings() -> int:
        found = await lessons.find_one({"_id": lesson})
        return int(found["text_version"]) if found else 0

    before = await readings()
    for change, more in (({"summary": "从冬剪到保果", "no_skip": True}, 0), ({"title": "柑橘"}, 1)):
        # when
        version = (await course_of(academy, course_id))["version"]
        await academy.teacher.ask("PATCH", f"/api/my/courses/{course_id}", {"version": version, **change})

        # then
        assert await readings() == before + more


async def test_only_its_teacher_changes_a_course_and_only_with_his_own_lessons(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季修剪")
    course_id = await academy.add_course("柑橘管护", [lesson])
    other, path = academy.anybody, f"/api/my/courses/{course_id}"
    assert (await other.ask("PATCH", path, {"version": 2, "title": "我的"}))[0] == 401
    await other.sign_in("otherhost", PASSWORD)

    # then
    for method, where, body in (
        ("PATCH", path, {"version": 2, "title": "我的"}),
        ("PUT", f"{path}/lessons", {"version": 2, "chapters": []}),
        ("PUT", f"{path}/state", {"state": "draft"}),
        ("PATCH", f"/api/my/lessons/{lesson}", {"title": "我的"}),
        ("PUT", f"/api/my/lessons/{lesson}/subtitles", None),
    ):
        status, problem = await other.ask(method, where, body)
        assert (status, problem["code"]) == (403, "not_allowed"), where
    _, mine = await other.ask("POST", "/api/my/courses", {"title": "我的课"})
    stolen = {"version": 0, "chapters": [{"title": "一", "lesson_ids": [lesson]}]}
    assert (await other.ask("PUT", f"/api/my/courses/{mine['id']}/lessons", stolen))[0] == 400
    assert (await academy.learner.ask("POST", "/api/my/courses", {"title": "我的课"}))[0] == 403


async def test_of_two_pages_that_change_a_course_one_is_told_to_look_again(academy: Academy) -> None:
    _, course = await academy.teacher.ask("POST", "/api/my/courses", {"title": "柑橘管护"})
    path = f"/api/my/courses/{course['id']}"
    answers = await asyncio.gather(
        *(academy.teacher.ask("PATCH", path, {"version": 0, "title": title}) for title in ("一", "二"))
    )
    assert sorted(status for status, _ in answers) == [200, 409]
    assert {body.get("code") for _, body in answers} == {None, "course_changed"}


async def test_a_lesson_that_is_taken_away_leaves_its_course_as_it_may_be_saved(academy: Academy) -> None:
    # given: a course whose cover is the poster of its first lesson, and a page that shows both lessons
    first, second = await academy.add_lesson("冬季修剪"), await academy.add_lesson("春季疏花")
    course_id = await academy.add_course("柑橘", [first, second])
    database = academy.server.services.database
    lesson = await database["lessons"].find_one({"_id": first})
    assert lesson is not None
    poster = f"/files/public/assets/{lesson['asset_id']}/1/poster.webp"
    await database["courses"].update_one({"_id": course_id}, {"$set": {"cover_url": poster}})

    # when
    assert (await academy.teacher.ask("DELETE", f"/api/my/lessons/{first}"))[0] == 204
    # and: that page saves what it shows
    chapters = [{"title": "第一章", "lesson_ids": [second, first]}]
    body = {"version": 3, "chapters": chapters}
    status, saved = await academy.teacher.ask("PUT", f"/api/my/courses/{course_id}/lessons", body)

    # then
    assert (status, saved["chapters"]) == (200, [{"title": "第一章", "lesson_ids": [second]}])
    assert saved["cover_url"] is None


async def test_of_two_pages_that_rename_a_lesson_the_later_one_is_told_what_it_is_called_now(
    academy: Academy,
) -> None:
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/my/lessons/{lesson}"
    answers = await asyncio.gather(
        *(academy.teacher.ask("PATCH", path, {"title": title, "title_was": "冬季修剪"}) for title in ("冬剪", "剪枝"))
    )
    assert sorted(status for status, _ in answers) == [200, 409]
    assert {body.get("code") for _, body in answers} == {None, "lesson_changed"}
    _, now = await academy.teacher.ask("GET", f"/api/lessons/{lesson}")
    assert now["title"] == next(body["title"] for status, body in answers if status == 200)
    status, last = await academy.teacher.ask("PATCH", path, {"title": "冬季修剪（下）", "title_was": now["title"]})
    assert (status, last["title"]) == (200, "冬季修剪（下）")


async def test_what_makes_no_sense_is_refused(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季修剪")
    _, course = await academy.teacher.ask("POST", "/api/my/courses", {"title": "柑橘管护"})
    path = f"/api/my/courses/{course['id']}"
    for method, where, body, code in (
        ("POST", "/api/my/courses", {"title": " "}, "bad_request"),
        ("PATCH", path, {"title": "没有版本"}, "bad_request"),
        ("PATCH", path, {"version": 0, "cover_url": "https://elsewhere/x.png"}, "bad_request"),
        ("PATCH", path, {"version": 0, "tags": {"crops": ["一个太长太长太长太长的标签啊"]}}, "bad_request"),
        (
            "PUT",
            f"{path}/lessons",
            {"version": 0, "chapters": [{"title": "一", "lesson_ids": [lesson, lesson]}]},
            "bad_request",
        ),
        ("PUT", f"{path}/lessons", {"version": 0, "chapters": [{"title": "", "lesson_ids": []}]}, "bad_request"),
        ("PUT", f"{path}/state", {"state": "published"}, "course_is_empty"),
        ("PUT", f"{path}/state", {"state": "gone"}, "bad_request"),
    ):
        status, problem = await academy.teacher.ask(method, where, body)
        assert problem.get("code") == code, (where, status, problem)


async def test_the_course_of_replays_is_nobodys_to_change(academy: Academy) -> None:
    replays = {
        "_id": "replays",
        "title": "李技师的直播课",
        "summary": "",
        "teacher_id": academy.teacher_user.id,
        "teacher_name": "李技师",
        "is_replays": True,
        "created_at": academy.server.services.clock.now(),
        "cover_url": None,
        "state": "published",
        "chapters": [],
        "tags": {},
        "no_skip": False,
        "version": 0,
    }
    await academy.server.services.database["courses"].insert_one(replays)
    status, problem = await academy.teacher.ask("PATCH", "/api/my/courses/replays", {"version": 0, "title": "改"})
    assert (status, problem["code"]) == (409, "replays_course")
