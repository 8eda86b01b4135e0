"""Questions to the teacher, his answers, and who is told."""

from __future__ import annotations

from datetime import datetime

from server.accounts.model import Role, User
from server.moderation.model import EVERYWHERE, SanctionKind
from server.moderation.words import ForbiddenWord, WordAction
from tests.integration.academy.conftest import PASSWORD, Academy


async def test_a_learner_asks_at_a_second_and_is_told_of_the_answer(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/lessons/{lesson}/questions"
    await academy.teacher.connect()
    await academy.learner.connect()
    assert (await academy.anybody.ask("POST", path, {"text": "几月剪？"}))[0] == 401

    # when
    status, asked = await academy.learner.ask("POST", path, {"text": " 几月剪\n最好？ ", "at_ms": 30_000})

    # then: the teacher is told, and finds it
    assert (status, asked["text"], asked["at_ms"], asked["is_mine"]) == (201, "几月剪 最好？", 30_000, True)
    assert await academy.teacher.hear("notices") == {"open_questions": 1, "new_answers": 0}
    _, waiting = await academy.teacher.ask("GET", "/api/my/lesson-questions")
    assert [question["id"] for question in waiting["items"]] == [asked["id"]]

    # and: so is the learner, until he has looked
    answer = f"/api/my/lesson-questions/{asked['id']}/answer"
    assert (await academy.teacher.ask("PUT", answer, {"text": "采果后到立春前"}))[0] == 200
    assert await academy.learner.hear("notices") == {"open_questions": 0, "new_answers": 1}
    assert (await academy.teacher.ask("GET", "/api/my/lesson-questions"))[1]["items"] == []
    _, mine = await academy.learner.ask("GET", "/api/my/asked-questions")
    assert mine["items"][0]["answer"] == "采果后到立春前"
    assert (await academy.learner.ask("GET", "/api/my/notices"))[1] == {"open_questions": 0, "new_answers": 0}

    # and: everybody reads both
    _, seen = await academy.anybody.ask("GET", path)
    assert [(item["text"], item["answer"], item["is_mine"]) for item in seen["items"]] == [
        ("几月剪 最好？", "采果后到立春前", False)
    ]


async def test_who_may_not_is_refused(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季修剪")
    path = f"/api/lessons/{lesson}/questions"
    services = academy.server.services
    operator = await services.accounts.register(
        "gongxiao", PASSWORD, "供销社", None, roles=frozenset({Role.OPERATOR})
    )
    await services.talk.moderation.set_platform_words(operator, [ForbiddenWord("假药", WordAction.HOLD)])
    _, asked = await academy.learner.ask("POST", path, {"text": "几月剪？"})
    await academy.anybody.sign_in("otherhost", PASSWORD)
    for page, method, where, body, code in (
        (academy.teacher, "POST", path, {"text": "自问自答"}, "not_allowed"),
        (academy.learner, "POST", path, {"text": " "}, "bad_request"),
        (academy.learner, "POST", path, {"text": "有没有假 药"}, "words_not_allowed"),
        (academy.learner, "POST", path, {"text": "问", "at_ms": 60_001}, "bad_request"),
        (academy.anybody, "PUT", f"/api/my/lesson-questions/{asked['id']}/answer", {"text": "我答"}, "not_allowed"),
        (academy.anybody, "DELETE", f"/api/lesson-questions/{asked['id']}", None, "not_allowed"),
        (academy.learner, "PUT", "/api/my/lesson-questions/x/answer", {"text": "我答"}, "not_found"),
    ):
        assert (await page.ask(method, where, body))[1]["code"] == code, where
    assert (await academy.teacher.ask("DELETE", f"/api/lesson-questions/{asked['id']}"))[0] == 204
    assert (await academy.anybody.ask("GET", path))[1]["items"] == []


async def test_who_is_banned_everywhere_neither_asks_nor_answers_nor_rates(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季修剪")
    await academy.watch(lesson)
    _, asked = await academy.learner.ask("POST", f"/api/lessons/{lesson}/questions", {"text": "几月剪？"})
    store = academy.server.services.database["sanctions"]

    async def ban(user: User, until: datetime | None) -> None:
        key = f"{EVERYWHERE}:{user.id}:{SanctionKind.BAN}"
        fields = {
            "room_id": EVERYWHERE,
            "user_id": user.id,
            "user_name": user.display_name,
            "kind": SanctionKind.BAN,
            "until": until,
            "reason": "广告",
            "by_id": "operator",
            "by_name": "供销社",
            "at": academy.server.services.clock.now(),
        }
        await store.replace_one({"_id": key}, fields, upsert=True)

    async def answers() -> list[str]:
        calls = (
            (academy.learner, "POST", f"/api/lessons/{lesson}/questions", {"text": "广告"}),
            (academy.learner, "PUT", f"/api/lessons/{lesson}/rating", {"stars": 1}),
            (academy.teacher, "PUT", f"/api/my/lesson-questions/{asked['id']}/answer", {"text": "广告"}),
        )
        return [(await page.ask(method, where, body))[1].get("code", "") for page, method, where, body in calls]

    # when, then
    for user in (academy.learner_user, academy.teacher_user):
        await ban(user, None)
    assert await answers() == ["banned"] * 3

    # and: a ban that is over is none
    for user in (academy.learner_user, academy.teacher_user):
        await ban(user, academy.server.services.clock.now())
    assert await answers() == [""] * 3
