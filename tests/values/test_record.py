import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.values import Record, encode_record
from tests.values.fuzz import fuzz_record

leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=20) | st.text(max_size=20)
values = leaves | st.lists(leaves, max_size=3) | st.dictionaries(st.text(max_size=4), leaves, max_size=3)
records = st.dictionaries(st.text(max_size=6), values, max_size=5)


@given(records)
def test_round_trip(fields):
    data = encode_record(fields)
    assert Record.decode(data, limit=len(data)).fields == fields
    with pytest.raises(InvalidValue, match="longer than"):
        Record.decode(data, limit=len(data) - 1)
    with pytest.raises(InvalidValue):
        Record.decode(data + b"\0", limit=1 << 16)
    with pytest.raises(InvalidValue):
        Record.decode(data[:-1], limit=1 << 16)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "80",  # a list
        "a10102",  # an integer as a key
        "a2616101616102",  # one key twice
        "a2616201616102",  # keys out of order
        "a161611801",  # an integer that is longer than needed
        "bf616101ff",  # an indefinite length
        "a16161f93c00",  # a float
        "a16161c074323031332d30332d32315432303a30343a30305a",  # a tagged date
        "a16161c2490100000000000000" + "00",  # a big number
        "a16161f7",  # undefined
        "a161618181818180",  # deeper than four
        "a161615affffffff",  # a length that promises four gigabytes
        "a1616162ff00",  # text that is not UTF-8
    ],
)
def test_refused(data):
    with pytest.raises(InvalidValue):
        Record.decode(bytes.fromhex(data), limit=512)


def test_getters_check_one_field_each():
    record = Record.decode(
        cbor2.dumps({"n": 5, "f": True, "t": "text", "d": b"data", "p": [b"a", b"bc"], "0": None}, canonical=True),
        limit=99,
    )
    assert record.integer("n") == 5
    assert record.flag("f") is True
    assert record.text("t", limit=4) == "text"
    assert record.data("d", limit=4) == b"data"
    assert record.parts("p", limit=2, size=2) == (b"a", b"bc")
    assert record.has("n")
    assert not record.has("0")
    assert not record.has("missing")
    for wrong in (
        lambda: record.integer("f"),
        lambda: record.integer("n", most=4),
        lambda: record.integer("missing"),
        lambda: record.flag("n"),
        lambda: record.text("d", limit=9),
        lambda: record.text("t", limit=3),
        lambda: record.data("t", limit=9),
        lambda: record.data("d", limit=3),
        lambda: record.parts("p", limit=1, size=2),
        lambda: record.parts("p", limit=2, size=1),
    ):
        with pytest.raises(InvalidValue):
            wrong()


@given(st.binary(max_size=80) | records.map(encode_record))
@example(b"\xa1aa\xd8\x1c\x80")
def test_fuzz(data):
    fuzz_record(data)
