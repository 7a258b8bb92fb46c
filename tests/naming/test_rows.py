import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import StoreDamaged
from beam_actors.naming import rows
from beam_actors.values import cbor

FIELDS = st.lists(st.integers(0, 1 << 63) | st.binary(max_size=40), max_size=6).map(lambda fields: [1, *fields])


@given(FIELDS, st.binary(max_size=40), st.data())
def test_a_row_is_read_back_and_each_changed_bit_of_it_or_its_key_is_found(fields, key, data):
    row = rows.put("names.pins", key, fields)
    assert rows.read("names.pins", key, row.value, 1) == fields
    changed, size = bytearray(row.key + row.value), len(key)
    bit = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StoreDamaged):
        rows.read("names.pins", bytes(changed[:size]), bytes(changed[size:]), 1)


def test_a_row_of_another_table_or_key_or_format_is_none():
    value = rows.put("names.pins", b"alice", [1, 7]).value
    for table, key, format_ in (("names.own", b"alice", 1), ("names.pins", b"bob", 1), ("names.pins", b"alice", 2)):
        with pytest.raises(StoreDamaged):
            rows.read(table, key, value, format_)


@given(FIELDS)
def test_a_list_alone_is_of_an_earlier_program(fields):
    assert rows.read("names.pins", b"alice", cbor.encode(fields), 1) == fields
    for end in range(len(cbor.encode(fields))):
        with pytest.raises(StoreDamaged):
            rows.read("names.pins", b"alice", cbor.encode(fields)[:end], 1)


@pytest.mark.parametrize("fields", [[], {1: 1}, [1, True], [True], 1, [b"1"]])
def test_what_is_no_list_with_a_version_is_damage(fields):
    with pytest.raises(StoreDamaged):
        rows.read("names.pins", b"alice", cbor.encode(fields), 1)
