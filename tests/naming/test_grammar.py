import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidName, InvalidValue
from beam_actors.naming.grammar import RANDOM_NAME_ENTROPY, Query, look_alikes, parse_query, random_name, skeleton
from beam_actors.values import Name
from tests.naming import fuzz
from tests.naming.builders import owner_id

OWNER = owner_id(0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("byronwade", Query(Name("byronwade"))),
        ("byronwade.local", Query(Name("byronwade"))),
        ("byronwade.local.", Query(Name("byronwade"))),
        ("byronwade.", Query(Name("byronwade"))),
        ("ByronWade.LOCAL", Query(Name("byronwade"))),
        ("byronwade.localhost", Query(Name("byronwade"))),
        (f"a-1.{OWNER}.local", Query(Name("a-1"), OWNER)),
        (f"A-1.{str(OWNER).upper()}.Local.", Query(Name("a-1"), OWNER)),
        (f"a-1.{OWNER}", Query(Name("a-1"), OWNER)),
    ],
)
def test_what_people_type(text, expected):
    assert parse_query(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "local", ".local", "a..local", "a.local..", "-a.local", "a-.local", "a_b", "123", "127.0.0.1",
        "x" * 41, "xn--a.local",
        "a.b.local", "www.byronwade.local", "byronwade.com", "byronwade.lan", "wpad.local", "localhost",
        "localhost.localhost",
        "bücher.local", "\u212aelvin.local", "a b", "a\n.local", "a.local\x00", "x." * 200,
        f"a.{str(OWNER)[:-1]}.local",
        f"a.{str(OWNER)[:-1]}b.local", f"b.a.{OWNER}.local",
    ],
)  # fmt: skip
def test_what_is_no_name(text):
    with pytest.raises(InvalidName):
        parse_query(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Localhost", "'Localhost': 'localhost' is reserved"),
        ("example.local.", "'example.local.': 'example' is reserved"),
        ("example.com", "'example.com': it is neither NAME"),
    ],
)
def test_the_whole_of_what_nobody_can_hold_is_said(text, said):
    with pytest.raises(InvalidName, match=f"^Nobody can hold {re.escape(said)}"):
        parse_query(text)


def test_suffixes_are_a_setting():
    assert parse_query("a.beam.home.arpa", ("beam.home.arpa",)) == Query(Name("a"))
    assert parse_query("a.b.test", ("test", "b.test")) == Query(Name("a"))
    with pytest.raises(InvalidName, match=r"NAME with one of \.beam"):
        parse_query("a.local", ("beam",))


def test_a_query_is_written_without_its_suffix():
    assert str(Query(Name("a"))) == "a"
    assert str(Query(Name("a"), OWNER)) == f"a.{OWNER}"


def test_look_alikes():
    pins = [Name(label) for label in ("google", "modern", "paypal", "wave", "bob")]
    assert look_alikes(Name("g00gle"), pins) == (Name("google"),)
    assert look_alikes(Name("rnodern"), pins) == (Name("modern"),)
    assert look_alikes(Name("modem"), pins) == (Name("modern"),)
    assert look_alikes(Name("pay-pa1"), pins) == (Name("paypal"),)
    assert look_alikes(Name("vvave"), pins) == (Name("wave"),)
    assert look_alikes(Name("bob"), pins) == ()
    assert skeleton(Name("il1")) == "lll"


@given(st.binary(min_size=RANDOM_NAME_ENTROPY, max_size=RANDOM_NAME_ENTROPY))
def test_random_names_are_names(entropy):
    name = random_name(entropy)
    words = str(name).split("-")
    assert len(words) == 3
    assert len(words[2]) == 8
    assert parse_query(f"{name}.local") == Query(name)


@given(st.integers(0, 2**40 - 1), st.integers(0, 2**40 - 1))
def test_each_of_the_40_bits_shows(one, other):
    def made(number: int) -> Name:
        return random_name(number.to_bytes(5, "big") + b"\x00\x00")

    assert (made(one) == made(other)) == (one == other)


def test_a_random_name_takes_its_entropy_exactly():
    assert str(random_name(bytes(7))) == "swift-beam-00000000"
    with pytest.raises(InvalidValue):
        random_name(bytes(6))


@given(st.binary(max_size=80) | st.from_regex(rb"[a-z0-9.-]{1,20}(\.local)?\.?", fullmatch=True))
def test_fuzz(data):
    fuzz.fuzz_query(data)
