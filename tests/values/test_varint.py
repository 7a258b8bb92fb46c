import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.values import decode_uvarint, encode_uvarint
from tests.values.fuzz import fuzz_varint

# multiformats/unsigned-varint, README.
VECTORS = [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (255, "ff01"), (300, "ac02"), (16384, "808001")]


@pytest.mark.parametrize(("value", "encoded"), VECTORS)
def test_vectors(value, encoded):
    assert encode_uvarint(value).hex() == encoded
    assert decode_uvarint(bytes.fromhex(encoded)) == (value, len(encoded) // 2)


@given(st.integers(0, 2**63 - 1), st.binary(max_size=3), st.binary(max_size=3))
@example(2**63 - 1, b"", b"")
def test_round_trip_anywhere_in_a_buffer(value, before, after):
    encoded = encode_uvarint(value)
    for kind in (bytes, bytearray, memoryview):
        assert decode_uvarint(kind(before + encoded + after), len(before)) == (value, len(before) + len(encoded))
    for cut in range(len(encoded)):
        assert decode_uvarint(encoded[:cut]) is None


@pytest.mark.parametrize(
    "encoded", ["8000", "ff00", "808000", "80" * 9, "ff" * 9, "ff" * 9 + "01", "ffffffffffffffff8001"]
)
def test_never_longer_than_needed_nor_than_nine_bytes(encoded):
    with pytest.raises(InvalidValue):
        decode_uvarint(bytes.fromhex(encoded))


@pytest.mark.parametrize("value", [-1, 2**63, 2**80])
def test_range(value):
    with pytest.raises(InvalidValue):
        encode_uvarint(value)


@given(st.binary(max_size=12))
def test_fuzz(data):
    fuzz_varint(data)
