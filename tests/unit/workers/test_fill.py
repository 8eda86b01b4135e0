"""What fills a gap: made from a file whose clock is wrong, put where its sound belongs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from tests.harness.ladders import run_child
from tests.harness.takes import make_video, talk
from workers.transcode.fill import edges_of, readable
from workers.transcode.hear import MOST_LAG_MS, find_lag, loudness_line
from workers.transcode.pace import LIP_SYNC_MS
from workers.transcode.run import Span
from workers.transcode.source import Piece


def make_fill(
    folder: Path,
    host: bytes,
    begins_ms: float,
    recorded: bytes | None,
    recorded_ms: float = 0.0,
    span: Span = Span(4000, 7000),  # noqa: B008 -- it never changes
) -> dict[str, object]:
    """Fill a span of a stream; the host's file is said to begin at `begins_ms`, the recorded one at `recorded_ms`."""
    (folder / "host").write_bytes(host)
    beside = []
    if recorded is not None:
        (folder / "recorded").write_bytes(recorded)
        beside = [{"path": str(folder / "recorded"), "begins_ms": recorded_ms}]
    return run_child(
        {
            "kind": "fill",
            "pieces": [{"path": str(folder / "host"), "begins_ms": begins_ms}],
            "beside": beside,
            "start_ms": span.start_ms,
            "end_ms": span.end_ms,
            "prefix": "fill-1-0-",
            "folder": str(folder / "out"),
        }
    )


def sound_of(path: Path) -> np.ndarray:
    with av.open(str(path), "r") as container:
        resampler = av.AudioResampler("flt", "mono", 48_000)
        frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate([cast("np.ndarray", frame.to_ndarray()).ravel() for frame in frames])


def loudness(sound: np.ndarray) -> np.ndarray:
    """Of each 10 ms."""
    return cast("np.ndarray", np.abs(sound[: sound.size // 480 * 480]).reshape(-1, 480).mean(axis=1))


def transport_stream(rate: int, layout: str, at_second: int) -> bytes:
    """A second of noise."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as container:
        stream = container.add_stream("aac", rate=rate, layout=layout)
        noise = np.random.default_rng(1).uniform(-0.5, 0.5, (1 if layout == "mono" else 2, rate)).astype("f4")
        frame = av.AudioFrame.from_ndarray(noise, "fltp", layout)
        frame.sample_rate = rate
        frame.pts = at_second * rate
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


@pytest.mark.parametrize("kind", ["webm", "mp4"])
def test_a_file_whose_clock_is_wrong_is_put_where_its_sound_belongs(tmp_path: Path, kind: str) -> None:
    # given: a host's file of the talk from its second second on, said to begin 400 ms later than it did
    recorded = make_video(4.0, width=64, height=64, kind="mp4", says_from=0.0)
    host = make_video(7.0, width=320, height=180, kind=kind, says_from=2.0)

    # when
    answer = make_fill(tmp_path, host, 2400.0, recorded)

    # then: it was found out
    assert answer["what"] == "filled", answer
    assert answer["lag_ms"] == pytest.approx(-400, abs=15)
    assert (answer["width"], answer["height"]) == (320, 180)
    segments = cast("list[dict[str, float]]", answer["segments"])
    assert sum(segment["duration_ms"] for segment in segments) == pytest.approx(3000)

    # and: what was made says what was said in the gap, at its moment, as far as lips can tell
    out = tmp_path / "out"
    made = tmp_path / "made.mp4"
    names = ["fill-1-0-init.mp4", *(str(segment["name"]) for segment in segments)]
    made.write_bytes(b"".join((out / name).read_bytes() for name in names))
    heard = loudness(sound_of(made))
    said = loudness(np.frombuffer(talk(4.0, 3 * 48_000), "<i2").astype(float))
    likeness = [np.corrcoef(heard[10 + shift : 280 + shift], said[10:280])[0, 1] for shift in range(-10, 11)]
    assert max(likeness) > 0.9
    assert abs(int(np.argmax(likeness)) - 10) * 10 <= LIP_SYNC_MS


def test_what_is_missing_at_the_very_beginning_is_placed_by_the_sound_after_it(tmp_path: Path) -> None:
    # given: the recording has the talk from its second second on; the host's file all of it, said to be 300 ms late
    recorded = make_video(4.0, width=64, height=64, kind="mp4", says_from=2.0)
    host = make_video(6.0, width=64, height=64, kind="webm", says_from=0.0)
    # when
    answer = make_fill(tmp_path, host, 300.0, recorded, 2000.0, Span(0, 2000))
    # then
    assert answer["what"] == "filled", answer
    assert (answer["lag_ms"], answer["start_ms"]) == (pytest.approx(-300, abs=15), pytest.approx(0, abs=20))


def test_without_sound_in_common_the_clock_decides(tmp_path: Path) -> None:
    answer = make_fill(tmp_path, make_video(7.0, width=64, height=64, kind="webm", says_from=2.0), 2000.0, None)
    assert (answer["what"], answer["lag_ms"]) == ("filled", None)


def test_a_file_that_holds_less_than_was_said_fills_no_more_than_it_holds(tmp_path: Path) -> None:
    # given: a phone whose page was frozen: its file ends at 6.5 s, and begins where the gap has been on for long
    answer = make_fill(tmp_path, make_video(2.0, width=64, height=64, kind="webm"), 4500.0, None)
    assert answer["what"] == "filled"
    assert answer["start_ms"] == pytest.approx(4500, abs=20)
    segments = cast("list[dict[str, float]]", answer["segments"])
    assert sum(segment["duration_ms"] for segment in segments) == pytest.approx(2000, abs=60)


def test_a_file_that_ends_before_the_gap_begins_fills_nothing(tmp_path: Path) -> None:
    host = make_video(2.0, width=64, height=64, kind="webm")
    assert make_fill(tmp_path, host, 1000.0, None) == {"what": "refused", "code": "no_cover"}


def test_a_bad_file_beside_a_good_one_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(make_video(1.0, width=64, height=64, kind="webm"))
    (tmp_path / "bad").write_bytes(b"\x1aE\xdf\xa3 nothing of the kind")
    good = Piece(tmp_path / "good")
    assert readable([Piece(tmp_path / "bad"), good]) == [good]


def test_of_a_long_gap_its_edges_are_heard() -> None:
    assert edges_of(Span(20_000, 30_000)) == [Span(8_000, 42_000)]
    assert edges_of(Span(20_000, 1_820_000)) == [Span(8_000, 32_000), Span(1_808_000, 1_832_000)]


def test_a_sound_whose_rate_changes_is_heard_on(tmp_path: Path) -> None:
    # given: a transport stream in which stereo at 48 kHz follows mono at 16 kHz
    path = tmp_path / "sound.ts"
    path.write_bytes(transport_stream(16_000, "mono", 0) + transport_stream(48_000, "stereo", 1))

    # when
    line = loudness_line([Piece(path)], [Span(0, 2_000)], lambda _: None)

    # then: both halves were heard
    assert np.isfinite(line).mean() > 0.95


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    assert make_fill(tmp_path, b"\x1aE\xdf\xa3 nothing of the kind", 2000.0, None) == {
        "what": "refused",
        "code": "broken_source",
    }


def test_the_lag_of_a_sound_is_found_and_a_steady_tone_lies_nowhere() -> None:
    random = np.random.default_rng(1)
    loud = random.uniform(-4, 0, 2000)
    heard, recorded = np.full(2000, np.nan), np.full(2000, np.nan)
    recorded[:900] = loud[:900]  # then comes the gap
    heard[500 + 60 : 1500 + 60] = loud[500:1500]
    assert find_lag(heard, recorded) == -300.0
    assert find_lag(np.full(2000, -1.0), np.full(2000, -1.0)) is None
    assert find_lag(random.uniform(-4, 0, 2000), recorded) is None
    assert find_lag(np.full(10, np.nan), np.full(10, np.nan)) is None


def test_a_sound_that_repeats_itself_lies_nowhere() -> None:
    beat = np.tile(np.repeat([-3.0, -1.0], 50), 20)  # every half second the same
    assert MOST_LAG_MS > 1000
    assert find_lag(beat, beat) is None
