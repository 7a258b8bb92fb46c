import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.values import OwnerId


@given(st.binary(min_size=32, max_size=32))
def test_round_trip_in_either_case(digest):
    owner = OwnerId(digest)
    text = str(owner)
    assert len(text) == 52
    assert text == text.lower()
    assert OwnerId.parse(text) == OwnerId.parse(text.upper()) == owner
    assert owner.short == f"{text[:8]}…"


@given(st.binary(min_size=32, max_size=32), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_only_one_spelling(digest, last):
    text = str(OwnerId(digest))
    other = text[:-1] + last
    try:
        assert str(OwnerId.parse(other)) == other
    except InvalidValue:
        assert other != text


@pytest.mark.parametrize(
    "text",
    ["", "a" * 51, "a" * 53, "1" * 52, "é" * 52, "a" * 51 + "=", "a" * 51 + "b", "\u017f" * 52, "a" * 51 + "\u0131"],
)
def test_what_is_no_owner_id(text):
    with pytest.raises(InvalidValue):
        OwnerId.parse(text)


def test_digests_have_32_bytes():
    with pytest.raises(InvalidValue):
        OwnerId(bytes(31))
