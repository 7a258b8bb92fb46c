import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidName
from beam_actors.values import Name


@given(st.from_regex(r"[a-z][a-z0-9]{0,2}x-?[a-z0-9]{1,20}", fullmatch=True).filter(lambda text: text[2:4] != "--"))
def test_names_are_lower_case_and_parse_in_either(text):
    assert str(Name.parse(text.upper())) == text
    assert Name.parse(text) == Name(text)


@pytest.mark.parametrize(
    "text", ["a", "a" * 40, "byronwade", "a1", "1a", "a-b", "x-1-2", "swift-beam-7k2m9qxa", "my-app"]
)
def test_accepted(text):
    assert Name.parse(text).label == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 41,
        "-a",
        "a-",
        "a_b",
        "a.b",
        "a b",
        "xn--abc",
        "ab--c",
        "12345",
        "127",
        "localhost",
        "LOCAL",
        "wpad",
        "é",
        "a\n",
        "a\x00",
        "\u212aelvin",
        "\uff41",
        "1٣",
    ],
)
def test_refused(text):
    with pytest.raises(InvalidName):
        Name.parse(text)
    with pytest.raises(InvalidName):
        Name(text.lower() if text.isascii() else text)


def test_a_name_made_directly_is_lower_case():
    with pytest.raises(InvalidName):
        Name("Upper")
