import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.values import cbor
from tests.naming import fuzz

leaves = st.integers(-(2**63), 2**63) | st.binary(max_size=40) | st.text(max_size=10)
values = leaves | st.lists(leaves, max_size=5) | st.dictionaries(st.integers(0, 2**33), leaves, max_size=5)


@given(values)
def test_what_is_encoded_decodes(value):
    assert cbor.decode(cbor.encode(value), limit=4096) == value


def test_known_vectors():
    """RFC 8949 appendix A."""
    assert (
        cbor.encode([1, [2, 3], 1000000, b"\x01\x02\x03\x04", "IETF"]).hex()
        == "85018202031a000f4240440102030464" + "49455446"
    )
    assert cbor.encode({10: 1, 1: 2}).hex() == "a201020a01"


@pytest.mark.parametrize(
    "data",
    [
        "", "1801", "190001", "1a00000001", "1b0000000000000001",  # longer than needed
        "5f4161ff", "9fff", "bfff", "7f6161ff",  # indefinite lengths
        "a201020102", "a20a010102",  # a key twice; keys out of order
        "c001", "c24105", "d8236328612b", "d8236161", "d9010281", "d81c8101", "d9d9f701", "da0001020300",  # tags
        "8181818181818100", "01" * 2, "5b7fffffffffffffff", "9bffffffffffffffff", "61ff", "ff", "1c",
    ],
)  # fmt: skip
def test_everything_else_is_refused(data):
    with pytest.raises(InvalidValue):
        cbor.decode(bytes.fromhex(data), limit=4096)


def test_the_size_is_looked_at_first():
    with pytest.raises(InvalidValue, match="5 bytes is longer than the 4"):
        cbor.decode(b"\xff" * 5, limit=4)


@given(st.binary(max_size=100))
def test_fuzz(data):
    fuzz.fuzz_cbor(data)


@pytest.mark.parametrize(
    "data",
    [
        "e1",
        "8301e100",
        "f97e00",
        "fb3ff199999999999a",
        "81f7",
        "a1e100",
        "a101e2",
        "a1fb3ff199999999999a01",
        "8181f93c00",
    ],
)
def test_floats_and_simple_values_are_refused_wherever_they_stand(data):
    with pytest.raises(InvalidValue):
        cbor.decode(bytes.fromhex(data), limit=100)
