import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.values import cbor
from beam_actors.wire import byte_strings, open_array

LIMIT = 64
SCALARS = st.integers(0, 9) | st.booleans() | st.binary(max_size=4) | st.text(max_size=4)


def opened(body):
    return open_array(body, limit=LIMIT, version=1, protocol="/some/1")


@given(st.lists(SCALARS, max_size=4))
def test_a_message_begins_with_its_version_and_its_kind(rest):
    assert opened(cbor.encode([1, 7, *rest])) == [1, 7, *rest]


@pytest.mark.parametrize("value", [[], [1], [True, 1], [1, True], [1, "2"], {1: 2}, 1, b"12"])
def test_what_does_not_is_none(value):
    with pytest.raises(RemoteProtocolError, match="begins with"):
        opened(cbor.encode(value))


def test_another_version_is_named():
    with pytest.raises(RemoteProtocolError, match="version 1 of /some/1, not 2"):
        opened(cbor.encode([2, 7]))


def test_a_message_that_is_too_long_or_no_cbor_is_refused():
    assert opened(cbor.encode([1, 7, bytes(LIMIT - 5)]))
    for body in (cbor.encode([1, 7, bytes(LIMIT - 4)]), b"", b"\x82\x01", cbor.encode([1, 7]) + b"\0"):
        with pytest.raises(RemoteProtocolError):
            opened(body)


@given(st.lists(SCALARS, max_size=6))
def test_a_list_holds_byte_strings_within_bounds_or_is_refused(values):
    fits = len(values) <= 4 and all(isinstance(one, bytes) and 1 <= len(one) <= 3 for one in values)
    try:
        assert byte_strings(values, most=4, shortest=1, longest=3) == tuple(values)
    except RemoteProtocolError:
        assert not fits
    else:
        assert fits
