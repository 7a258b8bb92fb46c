"""The bytes of `/beam/kad/1`."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.peers.kad import messages
from beam_actors.peers.kad.messages import (
    MAX_MESSAGE,
    MAX_NODES,
    MAX_RECORD,
    MAX_STORED,
    MAX_VALUE,
    MAX_VALUES,
    Fate,
    Find,
    Nodes,
    Refuse,
    Store,
    Stored,
    Values,
    What,
)
from beam_actors.values import cbor
from tests.peers.fuzz_kad import fuzz_kad
from tests.wire.support import unframed

KEY = bytes(range(32))
keys = st.binary(min_size=32, max_size=32)
whats = st.sampled_from(What)
strings = st.lists(st.binary(min_size=1, max_size=60), max_size=8).map(tuple)
reached = st.lists(st.tuples(st.binary(min_size=1, max_size=60), st.integers(0, 15)), max_size=8).map(tuple)
said = st.one_of(
    st.text(max_size=50).map(Refuse),
    st.builds(Find, whats, keys),
    st.builds(Nodes, st.binary(min_size=1, max_size=99), reached),
    strings.map(Values),
    st.builds(Store, whats, keys, strings),
    st.lists(st.sampled_from(Fate), max_size=MAX_STORED).map(lambda fates: Stored(tuple(fates))),
)


@given(said)
def test_what_is_encoded_decodes(message):
    assert messages.decode(unframed(messages.encode(message))) == message


def test_known_frames():
    assert messages.encode(Find(What.VALUES, KEY)).hex() == "26840101015820" + KEY.hex()
    assert messages.encode(Stored((Fate.KEPT, Fate.REFUSED))).hex() == "068301058200" + "03"


@pytest.mark.parametrize(
    "message",
    [
        Nodes(bytes(MAX_RECORD), ((bytes(MAX_RECORD), 15),) * MAX_NODES),
        Values((bytes(MAX_VALUE),) * MAX_VALUES),
        Store(What.VALUES, KEY, (bytes(MAX_VALUE),) * MAX_STORED),
    ],
)
def test_the_largest_messages_fit(message):
    body = unframed(messages.encode(message))
    assert len(body) <= MAX_MESSAGE
    assert messages.decode(body) == message


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [1],
        [2, 1, 0, KEY],  # of another version
        [True, 1, 0, KEY],
        [1, 9],
        [1, 1, 0],
        [1, 1, 0, KEY[1:]],
        [1, 1, 7, KEY],
        [1, 1, False, KEY],
        [1, 1, -1, KEY],
        [1, 2, b"", []],
        [1, 2, bytes(MAX_RECORD + 1), []],
        [1, 2, b"own", [[b"record", 0]] * (MAX_NODES + 1)],
        [1, 2, b"own", [[bytes(MAX_RECORD + 1), 0]]],
        [1, 2, b"own", [["record", 0]]],
        [1, 2, b"own", [b"record"]],
        [1, 2, b"own", [[b"record"]]],
        [1, 2, b"own", [[b"record", 16]]],
        [1, 2, b"own", [[b"record", -1]]],
        [1, 2, b"own", [[b"record", False]]],
        [1, 3, [b"value"] * (MAX_VALUES + 1)],
        [1, 3, [b""]],
        [1, 4, 1, KEY, [b"value"] * (MAX_STORED + 1)],
        [1, 4, 1, KEY, b"value"],
        [1, 5, [4]],
        [1, 5, [True]],
        [1, 5, [0] * (MAX_STORED + 1)],
        [1, 0, "x" * 201],
        {1: 1},
    ],
)
def test_what_is_no_message_is_refused_in_words(fields):
    with pytest.raises(RemoteProtocolError) as refused:
        messages.decode(cbor.encode(fields))
    assert len(str(refused.value)) < 200


@given(st.binary(max_size=200))
@example(cbor.encode([1, 1, 0, KEY]))
@example(cbor.encode([1, 3, [b"one"]])[:-1])
def test_any_bytes_are_a_message_or_refused(data):
    fuzz_kad(data)
