"""The text of a playlist of hours: the same as if it were written anew, plain and zipped, at every length."""

from __future__ import annotations

import gzip

import pytest

from media.hls.history import PIECE_SEGMENTS, History

SETTLED = [f"#EXTINF:2.000,\npart-{number:06}.m4s\n" for number in range(3 * PIECE_SEGMENTS)]


@pytest.mark.parametrize("step", [1, PIECE_SEGMENTS - 1, PIECE_SEGMENTS, PIECE_SEGMENTS + 1, 3 * PIECE_SEGMENTS])
def test_what_is_sent_is_what_was_written(step: int) -> None:
    history = History()
    etags = set()
    for last in range(0, len(SETTLED) + 1, step):
        # the head changes now and then
        head, tail = f"#EXTM3U\n#EXT-X-TARGETDURATION:{4 + last // 300}\n", f"#EXT-X-PART:{last}\n"
        text = history.text(head, SETTLED, last, tail)
        expected = (head + "".join(SETTLED[:last]) + tail).encode()
        assert b"".join(text.plain) == expected
        assert gzip.decompress(text.zipped) == expected
        etags.add(text.etag)
    assert len(etags) == len(range(0, len(SETTLED) + 1, step))


def test_two_playlists_of_one_stream_share_what_does_not_change() -> None:
    history = History()
    first = history.text("head\n", SETTLED, 2 * PIECE_SEGMENTS, "tail\n")
    second = history.text("head\n", SETTLED, 2 * PIECE_SEGMENTS + 7, "another\n")
    assert all(one is other for one, other in zip(first.plain[1:-1], second.plain[1:-1], strict=True))
    assert len(first.plain) == 4


def test_the_same_words_in_other_places_are_another_playlist() -> None:
    history = History()
    assert history.text("a", SETTLED, 0, "b").etag == History().text("a", SETTLED, 0, "b").etag
    assert history.text("a", SETTLED, 0, "b").etag != history.text("a", SETTLED, 1, "b").etag
