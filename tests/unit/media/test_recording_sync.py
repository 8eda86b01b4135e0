"""The proof of the recorder: two reconnects, a new size, 3 % loss, and sound that stays with its picture."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from media.recording.take import Take
from media.recording.timeline import SenderReport
from media.recording.tracks import SECOND_NS, Codec, Kind
from tests.harness.recorded import Run, decode, record
from tests.harness.scripted_rtp import (
    H264,
    OPUS,
    VP8,
    Arrival,
    Counters,
    encoded_pictures,
    encoded_sounds,
    in_order,
    picture_packets,
    sound_packets,
)

FORMATS = {"H264": H264, "VP8": VP8}
MOST_APART_MS = 80
BEGIN = 100 * SECOND_NS
LOSS = 0.03
NEVER_REPAIRED = 0.1  # of what is lost; the rest comes after all
SOUND_LATE_NS = 180_000_000  # sound waits longer on its way than pictures
SOUND_CLOCK = 1.001  # sound is played a little too fast by its own clock: 20 ms in 20 s
NTP = 3_900_000_000 << 32
RUN_SECONDS = (20, 21, 20)
AWAY_SECONDS = 7


@dataclass(frozen=True, slots=True)
class Shown:
    """When the picture turned white and when the tone began, in ms of what was played."""

    flashes_ms: list[float]
    beeps_ms: list[float]
    end_ms: float


def lossy(arrivals: list[Arrival], source: random.Random) -> list[Arrival]:
    """Every 33rd packet is lost; most of those are sent again and come late, some never."""
    found = []
    for arrival in arrivals:
        if source.random() >= LOSS:
            found.append(arrival)
        elif source.random() >= NEVER_REPAIRED:
            found.append(replace(arrival, at_ns=arrival.at_ns + source.randrange(40, 250) * 1_000_000))
    return in_order(found)


def sounds_of(seconds: int, begin_ns: int, ssrc: int) -> list[Arrival]:
    """Sound whose clock is wrong, later on its way than the picture."""
    packets = sound_packets(encoded_sounds(seconds), begin_ns, Counters(ssrc=ssrc))
    return [replace(a, at_ns=begin_ns + int((a.at_ns - begin_ns) / SOUND_CLOCK) + SOUND_LATE_NS) for a in packets]


def reports_of(seconds: int, begin_ns: int) -> list[tuple[int, Kind, SenderReport]]:
    """What the publisher says every second about his two clocks, with the time of its arrival."""
    found: list[tuple[int, Kind, SenderReport]] = []
    for half in range(1, 2 * seconds, 2):
        at_ns, ntp = begin_ns + half * SECOND_NS // 2, NTP + (half << 31)
        found.append((at_ns, "video", SenderReport(ntp, 5_000 + half * 45_000)))
        found.append((at_ns, "audio", SenderReport(ntp, 5_000 + round(half * 24_000 * SOUND_CLOCK))))
    return found


def pictures_of(codec: Codec, seconds: int, begin_ns: int, ssrc: int, *, grows: bool) -> list[Arrival]:
    """Pictures, which from the middle on may be larger."""
    if not grows:
        return picture_packets(encoded_pictures(codec, seconds), codec, begin_ns, Counters(ssrc=ssrc))
    half = seconds // 2
    small = picture_packets(encoded_pictures(codec, half), codec, begin_ns, Counters(ssrc=ssrc))
    later = Counters(small[-1].sequence + 1, 5_000 + half * 90_000, ssrc)
    large = encoded_pictures(codec, seconds - half, width=480, height=360)
    return small + picture_packets(large, codec, begin_ns + half * SECOND_NS, later)


def script(codec: Codec, seed: int) -> list[Run]:
    """A publisher who is away twice, and turns his phone in the second stretch."""
    source = random.Random(seed)
    runs: list[Run] = []
    begin_ns = BEGIN
    for number, seconds in enumerate(RUN_SECONDS):
        pictures = pictures_of(codec, seconds, begin_ns, 10 * number + 1, grows=number == 1)
        arrivals = lossy(in_order(pictures, sounds_of(seconds, begin_ns, 10 * number + 2)), source)
        runs.append((FORMATS[codec], OPUS, arrivals, reports_of(seconds, begin_ns)))
        begin_ns += (seconds + AWAY_SECONDS) * SECOND_NS
    return runs


def replay(folder: Path, take: Take) -> Iterator[Shown]:
    """Every run as a player decodes it."""
    for number, run in enumerate(take.runs):
        data = (folder / run.init).read_bytes()
        data += b"".join((folder / part.name).read_bytes() for part in take.parts if part.run == number)
        seen = decode(data)
        yield Shown(seen.flashes_ms, seen.beeps_ms, max(seen.pictures_ms))


def apart_ms(seen: Shown) -> list[float]:
    """How far each tone is from the flash that belongs to it; a flash that was lost has none."""
    nearest = [min((beep - flash for beep in seen.beeps_ms), key=abs) for flash in seen.flashes_ms]
    return [distance for distance in nearest if abs(distance) < 400]


@pytest.mark.parametrize(("codec", "seed"), [("H264", 1), ("H264", 2), ("VP8", 3)])
def test_sound_stays_with_its_picture_through_all_that_happens(codec: Codec, seed: int, tmp_path: Path) -> None:
    # when
    take = record(tmp_path, script(codec, seed))
    # then it is one take of four runs on one line, and what it lacks is listed
    assert len(take.runs) == 4
    assert take.summary().duration_ms == pytest.approx(sum(RUN_SECONDS) * 1000 + 2 * AWAY_SECONDS * 1000, abs=200)
    away = [gap for gap in take.gaps if gap[1] - gap[0] > 6 * SECOND_NS]
    assert len(away) == 2
    assert len(take.gaps) > 2
    # and sound and picture are together
    distances = [distance for seen in replay(tmp_path / "stream", take) for distance in apart_ms(seen)]
    assert len(distances) >= sum(RUN_SECONDS) // 2
    assert max(abs(distance) for distance in distances) <= MOST_APART_MS


def test_the_pictures_that_are_missing_are_those_that_are_listed(tmp_path: Path) -> None:
    take = record(tmp_path, script("H264", 4))
    shown = [at for run in range(len(take.runs)) for at in _pictures(tmp_path / "stream", take, run)]
    gaps = [(start / 1e6, end / 1e6) for start, end in take.gaps]
    for before, after in pairwise(shown):
        if after - before > 1.6 * 1000 / 30:
            assert any(start - 1 <= before + 34 and after <= end + 1 for start, end in gaps), (before, after)


def _pictures(folder: Path, take: Take, run: int) -> list[float]:
    data = (folder / take.runs[run].init).read_bytes()
    data += b"".join((folder / part.name).read_bytes() for part in take.parts if part.run == run)
    return decode(data).pictures_ms
