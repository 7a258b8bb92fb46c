import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire.protobuf import MAX_FIELDS, field, read_fields, want_bytes, want_int

VALUES = st.one_of(st.integers(0, 2**63 - 1), st.binary(max_size=50))


@given(st.lists(st.tuples(st.integers(1, 1000), VALUES), max_size=20))
def test_what_was_written_is_read(fields):
    data = b"".join(field(number, value) for number, value in fields)
    assert list(read_fields(data)) == fields


def test_text_is_written_as_its_bytes():
    assert field(3, "hé") == field(3, "hé".encode()) == b"\x1a\x03h\xc3\xa9"


def test_fixed_width_fields_are_skipped():
    data = b"\x09" + bytes(8) + field(1, 7) + b"\x15" + bytes(4)
    assert list(read_fields(data)) == [(1, 7)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\x05abc",  # longer than what is there
        b"\x0a",  # no length
        b"\x08",  # no value
        b"\x08\x80",  # a value cut short
        b"\x08\x80\x00",  # not minimal
        b"\x09abc",  # fixed width, cut short
        b"\x0b",  # a group
        b"\x0f",  # wire type 7
        b"\x00\x01",  # field 0
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # 2**63 - 1 bytes
    ],
)
def test_malformed_messages(data):
    with pytest.raises(RemoteProtocolError):
        list(read_fields(data))


def test_the_number_of_fields_is_bounded():
    assert len(list(read_fields(field(1, 0) * MAX_FIELDS))) == MAX_FIELDS
    with pytest.raises(RemoteProtocolError):
        list(read_fields(field(1, 0) * (MAX_FIELDS + 1)))


def test_a_value_of_the_wrong_kind():
    assert (want_int(3), want_bytes(b"x")) == (3, b"x")
    with pytest.raises(RemoteProtocolError):
        want_bytes(3)
    with pytest.raises(RemoteProtocolError):
        want_int(b"x")
