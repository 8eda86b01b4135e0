"""STUN binding messages: what ours reads and writes, aioice reads and writes alike."""

from __future__ import annotations

import struct
import zlib

import pytest
from aioice import stun as reference
from hypothesis import given
from hypothesis import strategies as st

from media.transport import stun

KEY = b"the password of the session"
ADDRESSES = [("192.0.2.1", 5000), ("2001:db8::1", 65535), ("fe80::1%eth0", 1, 0, 2), ("192.0.2.1", 7, "tcp", 3)]
IDS = st.binary(min_size=12, max_size=12)
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "USERNAME": st.text(max_size=60),
        "PRIORITY": st.integers(0, 2**32 - 1),
        "USE-CANDIDATE": st.none(),
        "ICE-CONTROLLING": st.integers(0, 2**64 - 1),
        "ICE-CONTROLLED": st.integers(0, 2**64 - 1),
        "SOFTWARE": st.text(max_size=40),
        "NONCE": st.binary(max_size=40),
    },
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """What another implementation writes, in any order of attributes, signed or not."""
    attributes = draw(ATTRIBUTES)
    names = draw(st.permutations(sorted(attributes)))
    message = reference.Message(
        reference.Method.BINDING,
        draw(st.sampled_from([reference.Class.REQUEST, reference.Class.RESPONSE])),
        draw(IDS),
        {name: attributes[name] for name in names},
    )
    if draw(st.booleans()):
        message.add_message_integrity(draw(st.sampled_from([KEY, b"another password"])))
    return bytes(message)


def as_reference_reads(data: bytes) -> tuple[str, bool, bool]:
    message = reference.parse_message(data)
    found = message.attributes
    return found.get("USERNAME", ""), "USE-CANDIDATE" in found, message.check_message_integrity(KEY)


@given(messages())
def test_what_others_write_is_read_as_they_read_it(data: bytes) -> None:
    read = stun.parse(data)
    assert (read.username, read.is_nominated, stun.is_signed(data, read, KEY)) == as_reference_reads(data)
    assert read.transaction_id == data[8:20]


@given(messages(), st.integers(0, 400), st.binary(min_size=1, max_size=6))
def test_a_damaged_message_is_never_read_as_more_than_the_reference_reads(
    data: bytes, at: int, damage: bytes
) -> None:
    at %= len(data)
    damaged = data[:at] + damage + data[at + len(damage) :]
    try:
        read = stun.parse(damaged)
    except ValueError:
        return
    if stun.is_signed(damaged, read, KEY):
        assert as_reference_reads(damaged) == (read.username, read.is_nominated, True)


@given(messages(), IDS, st.integers(0, 400), st.binary(max_size=6))
def test_what_repeats_a_message_is_read_as_that_one_was(data: bytes, number: bytes, at: int, damage: bytes) -> None:
    # given
    read = stun.parse(data)
    known = stun.shape(data, read)

    # when: another number, perhaps other bytes, and the fingerprint that goes with them
    at %= len(data)
    changed = (data[:8] + number + data[20:at] + damage + data[at + len(damage) :])[: len(data)] if at > 20 else data
    changed = changed[:-4] + struct.pack("!I", zlib.crc32(changed[:-8]) ^ 0x5354554E)

    # then
    if known and stun.repeats(changed, known):
        again = stun.parse(changed)
        assert again._replace(transaction_id=b"") == read._replace(transaction_id=b"")


def test_the_next_check_of_a_browser_repeats_the_last_one_and_a_changed_one_does_not() -> None:
    # given
    def check(number: int, **attributes: object) -> bytes:
        message = reference.Message(
            reference.Method.BINDING, reference.Class.REQUEST, bytes([number]) * 12, {"USERNAME": "ours:theirs"}
        )
        message.attributes |= {"PRIORITY": 1, "ICE-CONTROLLING": 5} | attributes
        message.add_message_integrity(KEY)
        return bytes(message)

    first = check(1)
    known = stun.shape(first, stun.parse(first))

    # then
    assert stun.repeats(first, known)
    assert stun.repeats(check(2), known)
    assert not stun.repeats(check(2)[:-1] + b"?", known)
    assert not stun.repeats(check(2, PRIORITY=2), known)
    assert not stun.repeats(check(2, **{"USE-CANDIDATE": None}), known)
    assert not stun.repeats(b"", known)


def test_a_message_without_a_signature_at_its_end_has_no_shape() -> None:
    message = reference.Message(reference.Method.BINDING, reference.Class.REQUEST, bytes(12), {"USERNAME": "a:b"})
    unsigned = bytes(message)
    message.attributes["MESSAGE-INTEGRITY"] = reference.message_integrity(unsigned, KEY)
    message.attributes["SOFTWARE"] = "four"
    for data in (unsigned, bytes(message)):
        assert stun.shape(data, stun.parse(data)) == b""


@given(messages(), st.data())
def test_a_message_that_is_cut_off_or_goes_on_is_refused(data: bytes, choose: st.DataObject) -> None:
    cut = choose.draw(st.integers(0, len(data) - 1))
    for changed in (data[:cut], data + b"\0", data + b"\0\0\0\0"):
        with pytest.raises(ValueError, match="STUN"):
            stun.parse(changed)


@pytest.mark.parametrize("cookie", [0, 0x2112A443])
def test_another_cookie_is_another_protocol(cookie: int) -> None:
    data = struct.pack("!HHI12s", stun.REQUEST, 0, cookie, bytes(12))
    with pytest.raises(ValueError, match="not a STUN binding"):
        stun.parse(data)


@pytest.mark.parametrize("kind", [0x0011, 0x0111, 0x0003])
def test_indications_errors_and_other_methods_are_not_bindings(kind: int) -> None:
    with pytest.raises(ValueError, match="not a STUN binding"):
        stun.parse(struct.pack("!HHI12s", kind, 0, stun.COOKIE, bytes(12)))


@pytest.mark.parametrize("name", [stun.USERNAME, stun.USE_CANDIDATE])
def test_an_attribute_that_comes_twice_could_mean_either_and_is_refused(name: int) -> None:
    attribute = struct.pack("!HH", name, 0)
    data = struct.pack("!HHI12s", stun.REQUEST, 8, stun.COOKIE, bytes(12)) + 2 * attribute
    with pytest.raises(ValueError, match="twice"):
        stun.parse(data)


def test_what_follows_the_signature_counts_for_nothing() -> None:
    request = reference.Message(reference.Method.BINDING, reference.Class.REQUEST, bytes(12), {"USERNAME": "a:b"})
    request.attributes["MESSAGE-INTEGRITY"] = reference.message_integrity(bytes(request), KEY)
    request.attributes["USE-CANDIDATE"] = None
    data = bytes(request)
    read = stun.parse(data)
    assert stun.is_signed(data, read, KEY)
    assert not read.is_nominated


@pytest.mark.parametrize("address", ADDRESSES)
@given(transaction_id=IDS)
def test_our_answer_is_read_by_others(address: tuple[str, int], transaction_id: bytes) -> None:
    message = reference.parse_message(stun.binding_response(transaction_id, address, KEY))
    assert message.message_class == reference.Class.RESPONSE
    assert message.transaction_id == transaction_id
    assert message.attributes["XOR-MAPPED-ADDRESS"] == (address[0].partition("%")[0], address[1])
    assert message.check_message_integrity(KEY)
    assert "FINGERPRINT" in message.attributes


@given(IDS, st.text("abcdefgh+/:", max_size=99), st.integers(0, 2**32 - 1))
def test_our_question_is_read_by_others(transaction_id: bytes, username: str, priority: int) -> None:
    message = reference.parse_message(stun.binding_request(transaction_id, username, priority, KEY))
    assert message.message_class == reference.Class.REQUEST
    assert message.attributes["USERNAME"] == username
    assert message.attributes["PRIORITY"] == priority
    assert {"ICE-CONTROLLED", "FINGERPRINT"} <= set(message.attributes)
    assert message.check_message_integrity(KEY)
