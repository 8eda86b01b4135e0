"""Two nodes recorded parts of one stream: their take is one, whoever finishes first."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import media.recording.upload
from config.settings import MediaSettings
from media.recording.combine import combine
from media.recording.recorder import Recorder
from media.recording.spool import RecoveredTake, recover_spool
from media.recording.take import Part, Run, Take, take_from_json
from media.recording.tracks import SECOND_NS
from tests.harness.scripted_rtp import H264, OPUS, broadcast
from tests.unit.media.object_shelf import ObjectShelf

BEGAN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media.recording.upload, "FIRST_WAIT_SECONDS", 0.01)


def make_take(number: int, began_after_seconds: float, seconds: int) -> Take:
    """A take whose parts are a second long."""
    take = Take("stream", "room", BEGAN + timedelta(seconds=began_after_seconds))
    take.runs = [Run(f"init-{number}.mp4", "avc1.42c01f", "opus", 320, 240)]
    take.parts = [
        Part(f"part-{number + at:06}.m4s", 0, at * SECOND_NS, (at + 1) * SECOND_NS, 100, keyframe=True)
        for at in range(seconds)
    ]
    return take


def lines(take: Take) -> list[tuple[str, str, int]]:
    """Each part with its run and its place."""
    return [(part.name, take.runs[part.run].init, part.start_ms) for part in take.parts]


def test_the_later_part_stands_behind_the_earlier_one_whoever_brings_it() -> None:
    # given
    first, second = make_take(0, 0, 2), make_take(900, 5, 1)
    wanted = [
        ("part-000000.m4s", "init-0.mp4", 0),
        ("part-000001.m4s", "init-0.mp4", 1000),
        ("part-000900.m4s", "init-900.mp4", 5000),
    ]

    # when
    whole, other = combine(own=second, stored=first), combine(own=first, stored=second)

    # then
    assert lines(whole) == lines(other) == wanted
    assert whole.began_at == other.began_at == BEGAN
    assert whole.gaps == other.gaps == [(2 * SECOND_NS, 5 * SECOND_NS)]


def test_a_loss_that_reaches_over_the_end_of_a_part_stays_listed() -> None:
    # given a loss from 0.5 to 1.5 s, in two parts of a second, and another node's part later on
    first, second = make_take(0, 0, 2), make_take(900, 5, 1)
    first.gaps = [(SECOND_NS // 2, SECOND_NS * 3 // 2)]
    # when
    whole = combine(own=second, stored=first)
    # then
    assert whole.gaps == [(SECOND_NS // 2, SECOND_NS * 3 // 2), (2 * SECOND_NS, 5 * SECOND_NS)]


def test_losses_of_sound_and_picture_at_one_moment_are_one_from_the_earlier_on() -> None:
    take = make_take(0, 0, 3)
    take.apply({"what": "gap", "start_ns": SECOND_NS, "end_ns": SECOND_NS + 20_000_000})
    take.apply({"what": "gap", "start_ns": SECOND_NS // 2, "end_ns": 2 * SECOND_NS})
    assert take.gaps == [(SECOND_NS // 2, 2 * SECOND_NS)]


def test_what_is_ours_is_not_put_in_twice() -> None:
    first, second = make_take(0, 0, 2), make_take(900, 5, 1)
    stored = take_from_json(json.loads(json.dumps(combine(own=second, stored=first).as_json())))
    assert lines(combine(own=first, stored=stored)) == lines(stored)
    assert combine(own=first, stored=stored).gaps == stored.gaps


def test_a_part_between_two_others_fills_the_gap() -> None:
    outer = combine(own=make_take(900, 10, 1), stored=make_take(0, 0, 2))
    whole = combine(own=make_take(500, 2, 8), stored=outer)
    assert [part.start_ms for part in whole.parts] == [n * 1000 for n in range(11)]
    assert whole.gaps == []


def test_a_gap_that_another_has_filled_exactly_is_missing_no_more_and_stays_so() -> None:
    # given: two seconds, three of nothing, one more; and a part of exactly these three
    interrupted = combine(own=make_take(900, 5, 1), stored=make_take(0, 0, 2))
    assert interrupted.gaps == [(2 * SECOND_NS, 5 * SECOND_NS)]
    fill = make_take(500, 2, 1)
    fill.parts = [replace(fill.parts[0], end_ns=3 * SECOND_NS)]

    # when
    whole = combine(own=fill, stored=interrupted)

    # then, also when the one who lacked it brings his again
    assert whole.gaps == []
    again = combine(own=interrupted, stored=take_from_json(json.loads(json.dumps(whole.as_json()))))
    assert (lines(again), again.gaps) == (lines(whole), [])


def test_what_is_lost_at_the_edges_stays_listed_when_another_brings_the_rest() -> None:
    # given a take whose first second is lost, and one whose last second is
    first, second = make_take(0, 0, 3), make_take(900, 5, 2)
    first.lost, second.lost = {first.parts[0].name}, {second.parts[1].name}
    # when
    whole = combine(own=second.without_lost(), stored=first.without_lost())
    # then
    gaps = [(0, SECOND_NS), (3 * SECOND_NS, 5 * SECOND_NS), (6 * SECOND_NS, 7 * SECOND_NS)]
    assert whole.gaps == gaps
    stored = take_from_json(json.loads(json.dumps(whole.as_json())))
    assert combine(own=second.without_lost(), stored=stored).gaps == gaps


def filled(take: Take) -> Take:
    """The take as the object store has it once a host's own recording stands in place of its second part."""
    fill = make_take(1, 1, 1)
    fill.runs = [replace(fill.runs[0], init="fill-1-0-init.mp4")]
    fill.parts = [replace(fill.parts[0], name="fill-1-0-000000.m4s")]
    return take_from_json(json.loads(json.dumps(combine(own=fill, stored=take).as_json())))


def test_a_part_that_was_replaced_is_listed_once_whoever_brings_it_again() -> None:
    # given a node that knows its second part to the nanosecond; the store has it in milliseconds
    take = make_take(0, 0, 3)
    take.parts[1] = replace(take.parts[1], start_ns=SECOND_NS - 300_000, end_ns=2 * SECOND_NS + 300_000)
    stored = filled(take)
    assert stored.replaced == [(SECOND_NS, 2 * SECOND_NS)]
    # when it is recovered
    whole = combine(own=take, stored=stored)
    # then
    assert whole.as_json()["replaced"] == [{"start_ms": 1000, "end_ms": 2000}]
    assert [name for name, _, _ in lines(whole)] == ["part-000000.m4s", "fill-1-0-000000.m4s", "part-000002.m4s"]


def test_a_take_that_goes_on_after_one_with_replaced_parts_says_so_and_takes_none_of_its_names() -> None:
    # given: fewer parts than numbers, for one of the host's stands in place of others
    first = make_take(0, 0, 3)
    stored = filled(first)
    stored.parts = [part for part in stored.parts if part.name != "part-000000.m4s"]
    later = Take("stream", "room", is_unasked=True, first_number=1_795_000_000)
    # when
    later.apply({"what": "earlier", "take": stored.as_json()})
    # then
    assert later.replaced == [(SECOND_NS, 2 * SECOND_NS)]
    names = {part.name for part in first.parts} | {run.init for run in first.runs}
    assert names.isdisjoint({later.next_part, later.next_init})


def test_a_take_alone_stays_as_it_is() -> None:
    take = make_take(0, 0, 2)
    assert combine(own=take, stored=take) is take
    assert combine(own=Take("stream", "room"), stored=take) is take


async def record(folder: Path, objects: ObjectShelf, seconds_ago: int, *, is_continued: bool) -> Recorder:
    """A node's recorder that was given two seconds of media."""
    recorder = Recorder(
        stream_id="stream",
        room_id="room",
        settings=MediaSettings.model_construct(spool_folder=str(folder), recording_part_seconds=2.0),
        objects=objects,
        request_keyframe=lambda: None,
        is_continued=is_continued,
    )
    await recorder.start()
    began_ns = time.monotonic_ns() - seconds_ago * SECOND_NS
    recorder.begin_run(H264, OPUS)
    for arrival in broadcast("H264", 2):
        recorder.add(arrival.kind, arrival.packet, arrival.at_ns + began_ns)
    return recorder


def stored(objects: ObjectShelf) -> Any:
    return json.loads(objects.held["public/takes/stream/take.json"])


async def heard(take: RecoveredTake) -> bool:
    return True


@pytest.mark.parametrize("is_mended_first", [True, False])
async def test_what_a_dead_node_recorded_is_in_the_take_of_the_one_that_went_on(
    tmp_path: Path, *, is_mended_first: bool
) -> None:
    # given a node that died, and another that went on
    objects = ObjectShelf()
    dead = await record(tmp_path / "a", objects, 20, is_continued=False)
    await dead.aclose()
    second = await record(tmp_path / "b", objects, 2, is_continued=True)
    settings = MediaSettings.model_construct(spool_folder=str(tmp_path / "a"), recording_part_seconds=2.0)

    # when
    if is_mended_first:
        await recover_spool(settings, objects, heard)
        summary = await second.finish()
    else:
        await second.finish()
        await recover_spool(settings, objects, heard)
        summary = take_from_json(stored(objects)).summary()

    # then
    take = stored(objects)
    assert [part["run"] for part in take["parts"]] == [0, 1]
    assert take["parts"][0]["name"] == "part-000000.m4s"
    assert 15_000 < take["parts"][1]["start_ms"] < 60_000
    assert summary.duration_ms == take["duration_ms"] == take["parts"][1]["start_ms"] + 2000
    assert all(objects.held[f"public/takes/stream/{part['name']}"] for part in take["parts"])
    assert objects.held["public/takes/stream/index.m3u8"].count(b".m4s") == 2
    await second.aclose()


async def test_what_another_writes_at_the_same_moment_stays_in_the_take(tmp_path: Path) -> None:
    # given a node about to write its take, and a worker that fills a gap of it just before
    objects = ObjectShelf()
    first = await record(tmp_path / "a", objects, 20, is_continued=False)
    await first.finish()
    second = await record(tmp_path / "b", objects, 2, is_continued=True)

    def fill(key: str) -> None:
        objects.before_put_over = lambda _: None
        body = json.loads(objects.held[key])
        body["runs"].append({**body["runs"][0], "init": "fill-1-0-init.mp4"})
        filled = {**body["parts"][0], "name": "fill-1-0-0000.m4s", "run": 1, "start_ms": 5000}
        objects.held[key] = json.dumps({**body, "parts": [*body["parts"], filled]}).encode()

    objects.before_put_over = fill
    # when
    await second.finish()
    # then
    take = stored(objects)
    assert [take["runs"][part["run"]]["init"] for part in take["parts"]][1] == "fill-1-0-init.mp4"
    assert len(take["parts"]) == 3
    assert objects.held["public/takes/stream/index.m3u8"].count(b".m4s") == 3
    await first.aclose()
    await second.aclose()
