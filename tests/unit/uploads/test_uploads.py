"""What an upload is, whoever writes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server.errors import DomainError
from server.uploads.model import (
    PART_BYTES,
    Upload,
    UploadState,
    check_beginning,
    check_size,
    dropped,
    opened,
    read_metadata,
    taken,
    with_part,
    with_rest,
)

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
IDLE = timedelta(hours=72)
SIZE = 2 * PART_BYTES + 100
WHEN = (NOW, IDLE)


def make_upload(size: int = SIZE) -> Upload:
    return Upload("u1", "li", "李技师", "剪枝", None, size, UploadState.RECEIVING, NOW, NOW)


def code(work: object) -> str:
    with pytest.raises(DomainError) as refused:
        work()  # type: ignore[operator]
    return refused.value.code


def test_parts_and_what_is_left_of_them_add_up() -> None:
    upload = taken(make_upload(), 0, *WHEN)
    upload = with_part(opened(upload, "m1", *WHEN), "e1", PART_BYTES, *WHEN)
    assert (upload.offset, upload.state) == (PART_BYTES, UploadState.RECEIVING)
    upload = with_rest(upload, 70, *WHEN)
    assert (upload.offset, upload.is_taken, upload.expires_at) == (PART_BYTES + 70, False, NOW + IDLE)
    upload = with_part(taken(upload, upload.offset, *WHEN), "e2", PART_BYTES, *WHEN)
    assert (upload.offset, upload.rest) == (2 * PART_BYTES, None)
    upload = with_part(upload, "e3", 100, *WHEN)
    assert (upload.offset, upload.state, [part.number for part in upload.parts]) == (
        SIZE,
        UploadState.WHOLE,
        [1, 2, 3],
    )


def test_each_change_is_a_new_version() -> None:
    upload = make_upload()
    after = [taken(upload, 0, *WHEN), opened(upload, "m", *WHEN), with_rest(upload, 7, *WHEN), dropped(upload)]
    assert [one.version for one in after] == [1] * 4


def test_who_takes_over_leaves_out_the_number_that_the_other_may_be_writing() -> None:
    # given: a request that has kept one part and writes the next one
    first = with_part(opened(taken(make_upload(), 0, *WHEN), "m", *WHEN), "e1", PART_BYTES, *WHEN)

    # when
    second = taken(first, PART_BYTES, *WHEN)

    # then: they never write the same part, nor the same rest
    assert (first.next_number, second.next_number) == (2, 3)
    rests = [with_rest(one, 7, *WHEN).rest for one in (first, second)]
    assert rests[0] != rests[1]
    assert taken(with_rest(first, 0, *WHEN), PART_BYTES, *WHEN).next_number == 2


@pytest.mark.parametrize("offset", [1, PART_BYTES, SIZE + 1])
def test_a_wrong_offset_is_refused(offset: int) -> None:
    assert code(lambda: taken(make_upload(), offset, *WHEN)) == "wrong_offset"


@pytest.mark.parametrize("state", [state for state in UploadState if state is not UploadState.RECEIVING])
def test_nothing_is_added_to_what_is_over(state: UploadState) -> None:
    assert code(lambda: taken(replace(make_upload(), state=state), 0, *WHEN)) == "wrong_offset"


def test_a_rest_that_has_not_grown_stays_as_it_is() -> None:
    kept = with_rest(taken(make_upload(), 0, *WHEN), 70, *WHEN)
    again = taken(replace(kept, is_taken=True), 70, *WHEN)
    assert again.next_number == 2
    assert with_rest(again, 70, *WHEN).rest == kept.rest


def test_sizes_that_make_no_sense_are_refused() -> None:
    assert check_size(1000, 1000) == 1000
    assert code(lambda: check_size(1001, 1000)) == "body_too_large"
    assert code(lambda: check_size(0, 1000)) == "not_a_video"


def test_its_beginning_is_looked_at_as_soon_as_there_is_enough_of_it() -> None:
    video = b"\0\0\0\x18ftypmp42" + bytes(600)
    assert not check_beginning(video[:100], len(video))
    assert check_beginning(video, len(video))
    assert check_beginning(video[:100], 100)
    assert code(lambda: check_beginning(b"a text".ljust(600), 600)) == "not_a_video"


def test_metadata_is_names_with_values_in_base64() -> None:
    assert read_metadata("") == {}
    assert read_metadata("title 5Ymq5p6d,course_id YzE=, is_short") == {
        "title": "剪枝",
        "course_id": "c1",
        "is_short": "",
    }


@pytest.mark.parametrize("header", ["title a b", "title !!", "title /w==", "a YQ==,a Yg==", "title " + "A" * 4000])
def test_metadata_that_is_none_is_refused(header: str) -> None:
    assert code(lambda: read_metadata(header)) == "bad_request"
