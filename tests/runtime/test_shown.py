import dataclasses
import enum
from typing import ClassVar

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from pykka.messages import ProxyCall

from beam_actors.runtime import ListMembers, StartMember, System
from beam_actors.runtime.shown import LONGEST, LONGEST_VALUE, show_error, show_message, show_value

SECRET = "correct horse battery staple"


class Colour(enum.Enum):
    RED = "the value of red"


@attrs.frozen
class Everything:
    none: None = None
    flag: bool = True
    count: int = 3
    share: float = 0.5
    colour: Colour = Colour.RED
    kind: type = int
    text: str = SECRET
    data: bytes = b"0123"
    items: tuple = (SECRET,)
    key: int = 1 << 255
    nested: object = attrs.field(factory=lambda: Login(SECRET))


@attrs.frozen
class Login:
    passphrase: str


@attrs.frozen
class Named:
    trace_shows: ClassVar = ("name", "data")
    name: str
    data: bytes = b"secret"
    count: int = attrs.field(default=7, repr=False)


@attrs.frozen
class Public:
    text: str

    def __str__(self):
        return self.text


@dataclasses.dataclass
class Plain:
    who: str
    count: int
    token: int = dataclasses.field(default=9, repr=False)


class Hostile:
    def __len__(self):
        raise RuntimeError("no")


def test_types_and_sizes_are_shown_and_nothing_else():
    assert show_message(Everything()) == (
        "none=None, flag=True, count=3, share=0.5, colour=Colour.RED, kind=int, "
        f"text=str[{len(SECRET)}], data=bytes[4], items=tuple[1], key=int[256 bits], nested=Login"
    )


def test_text_is_shown_where_the_class_says_so_and_bytes_never():
    assert show_message(Named("byron")) == "name='byron', data=bytes[6], count=…"
    assert show_message(StartMember("12D3", (b"key",))) == "key='12D3', args=tuple[1]"
    assert show_message(ListMembers()) == ""
    assert show_message(Plain("me", 2)) == "who=str[2], count=2, token=…"


def test_values_of_public_types_are_shown():
    assert show_value(Public("peer")) == "Public"
    assert show_value(Public("peer"), (Public,)) == "peer"
    assert show_value(b"peer", (bytes,)) == "bytes[4]"


def test_what_has_no_fields_is_one_value():
    assert show_message(SECRET) == f"str[{len(SECRET)}]"
    assert show_message(5) == "5"
    assert show_message(ProxyCall(("store", "put"), (SECRET,), {})) == "store.put"


async def test_a_ref_is_shown_by_its_path():
    assert show_value(System("here", clock=trio.current_time).ref("node/a")) == "node/a"


def test_an_object_that_raises_when_it_is_looked_at_harms_nobody():
    assert show_value(Hostile()) == "<can't be shown: RuntimeError>"
    assert show_message(Hostile()) == "<can't be shown: RuntimeError>"

    class Bad(Exception):
        def __str__(self):
            raise RuntimeError("no")

    assert show_error(Bad()) == "Bad"


@pytest.mark.parametrize("length", [0, 79, 80, 81, 10_000])
def test_what_is_shown_is_bounded(length):
    assert len(show_value(Public("x" * length), (Public,))) <= LONGEST_VALUE
    assert len(show_message(Named("x" * length))) <= LONGEST
    assert len(show_error(ValueError("x" * length))) <= LONGEST


VALUES = st.one_of(st.text(alphabet="SECRT", min_size=3), st.binary(min_size=3), st.lists(st.text(min_size=3)))


@given(VALUES)
def test_no_content_of_text_or_bytes_or_a_collection_gets_through(value):
    shown = show_message(Login(value))
    assert shown == f"passphrase={type(value).__name__}[{len(value)}]"
