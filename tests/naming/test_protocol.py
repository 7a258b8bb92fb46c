import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.naming import protocol
from beam_actors.naming.limits import MAX_CLAIM
from beam_actors.naming.protocol import (
    MAX_CLAIMS,
    MAX_IDS,
    MAX_MESSAGE,
    MAX_RANGES,
    Ask,
    Compare,
    Done,
    Have,
    Push,
    Ranges,
    Refuse,
    Want,
)
from beam_actors.naming.ranges import TOP, Listing, Print, Settled
from beam_actors.values import Name, cbor
from tests.naming import fuzz
from tests.wire.support import unframed

ids = st.lists(st.binary(min_size=32, max_size=32), max_size=20).map(tuple)


@st.composite
def turn(draw, most=12):
    """Ranges with rising ends, of which the last may be the top."""
    ends = sorted(draw(st.sets(st.binary(min_size=1, max_size=40), min_size=1, max_size=most)))
    if draw(st.booleans()):
        ends[-1] = TOP
    says = st.sampled_from([Settled, lambda end: Print(end, draw(fingerprints)), lambda end: Listing(end, draw(ids))])
    return tuple(draw(says)(end) for end in ends)


fingerprints = st.binary(min_size=16, max_size=16)
eight = st.binary(min_size=8, max_size=8)
messages = st.one_of(
    st.text(max_size=50).map(Refuse),
    st.lists(st.binary(min_size=1, max_size=100), max_size=8).map(lambda some: Push(tuple(some))),
    st.sampled_from([Ask(Name("alice")), Done()]),
    ids.map(Want),
    ids.map(Have),
    st.builds(Compare, fingerprints, st.just(bytes(8)), st.just(TOP) | eight.filter(any)),
    turn().map(Ranges),
)


@given(messages)
def test_what_is_encoded_decodes(message):
    assert protocol.decode(unframed(protocol.encode(message))) == message


def test_a_known_frame():
    assert protocol.encode(Ask(Name("alice"))).hex() == "0983010265616c696365"


def test_the_largest_messages_fit():
    for message in (
        Push((bytes([1]) * MAX_CLAIM,) * MAX_CLAIMS),
        Want((bytes(32),) * MAX_IDS),
        Have((bytes(32),) * MAX_IDS),
        Ranges(
            (
                *(Print(bytes([number]) * 40, bytes(16)) for number in range(MAX_RANGES - 1)),
                Listing(b"\xff" * 40, (bytes(32),) * MAX_IDS),
            )
        ),
        Ranges(tuple(Listing(bytes([1, number]) * 20, (bytes(32),) * 4) for number in range(MAX_RANGES))),
    ):
        body = unframed(protocol.encode(message))
        assert len(body) <= MAX_MESSAGE
        assert protocol.decode(body) == message


@pytest.mark.parametrize(
    "fields",
    [
        7, [], [1], [1, 7], [1, 6], [1, "1"], [True, 5], [1, False], [1, 5, 5], [1, 0, "x" * 201], [1, 0, b"x"],
        [1, 1, [7]], [1, 1, [b""]],
        [1, 1, [b"x" * (MAX_CLAIM + 1)]], [1, 1, [b"x"] * (MAX_CLAIMS + 1)], [1, 2, "localhost"], [1, 2, "A"],
        [1, 3, [bytes(32)]], [1, 4, [bytes(32)] * (MAX_IDS + 1)], [1, 4, [bytes(33)]], {1: 1, 0: 2},
        [1, 7, [bytes(32)] * (MAX_IDS + 1)], [1, 7, [bytes(31)]], [1, 7, bytes(32)], [1, 8],
        [1, 3, bytes(15), bytes(8), b""], [1, 3, bytes(16), bytes(7), b""], [1, 3, bytes(16), bytes(8), bytes(9)],
        [1, 3, bytes(16), bytes(8), bytes(8)], [1, 3, bytes(16), b"\x02" * 8, b"\x01" * 8], [1, 3, bytes(16), bytes(8)],
        [1, 6, []], [1, 6, [[b""]]], [1, 6, [7]], [1, 6, [[b"", 3]]], [1, 6, [[b"", False]]], [1, 6, [["", 0]]],
        [1, 6, [[b"", 0, 0]]], [1, 6, [[bytes(41), 0]]], [1, 6, [[b"", 0], [b"", 0]]], [1, 6, [[b"", 0], [b"a", 0]]],
        [1, 6, [[b"b", 0], [b"a", 0]]], [1, 6, [[b"a", 0], [b"a", 0]]], [1, 6, [[b"", 1, bytes(15)]]],
        [1, 6, [[b"", True, bytes(16)]]], [1, 6, [[b"", 2, [bytes(31)]]]], [1, 6, [[b"", 2, bytes(32)]]],
        [1, 6, [[b"a", 2, [bytes(32)] * 1024], [b"", 2, [bytes(32)]]]],
        [1, 6, [[bytes([1, number]), 0] for number in range(256)] + [[b"", 0]]],
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(fields):
    with pytest.raises(RemoteProtocolError):
        protocol.decode(cbor.encode(fields))


def test_another_version_is_refused_in_words():
    with pytest.raises(RemoteProtocolError, match="speaks version 1 of /beam/names/1, not 2"):
        protocol.decode(cbor.encode([2, 9, "something new"]))


def test_long_lists_are_cut_into_messages():
    many = [bytes([number]) * 32 for number in range(100)]
    assert [len(push.claims) for push in protocol.pushes(many)] == [48, 48, 4]
    assert list(protocol.wants([])) == []
    assert sum(len(want.ids) for want in protocol.wants(many * 11)) == 1100


@given(st.lists(st.sampled_from([None, *range(33), 1024]), min_size=1, max_size=600))
def test_a_turn_is_cut_into_messages(sizes):
    said = tuple(
        Print(b"%05d" % place, bytes(16)) if size is None else Listing(b"%05d" % place, (bytes(32),) * size)
        for place, size in enumerate(sizes)
    )
    parts = list(protocol.turns(said))
    assert tuple(one for part in parts for one in part.ranges) == said
    assert all(protocol.decode(unframed(protocol.encode(part))) == part for part in parts)


@given(st.binary(max_size=100))
def test_fuzz(data):
    fuzz.fuzz_message(data)


@given(messages, st.data())
def test_fuzz_near_messages(message, data):
    payload = bytearray(unframed(protocol.encode(message)))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    fuzz.fuzz_message(bytes(payload))
