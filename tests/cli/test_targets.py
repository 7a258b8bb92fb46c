from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.cli.commands import looks_like_target
from beam_actors.cli.targets import Destination, parse_destination, parse_listen, parse_target
from beam_actors.errors import UsageError


@pytest.mark.parametrize("word", ["3000", "localhost:3000", "[::1]:80", ":80", "foo:bar", "http://x"])
def test_targets_are_told_from_commands(word):
    assert looks_like_target(word)


@pytest.mark.parametrize("word", ["status", "names", "--json", "\uff13000", ""])
def test_commands_are_told_from_targets(word):
    assert not looks_like_target(word)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("3000", "127.0.0.1:3000"),
        ("localhost:3000", "127.0.0.1:3000"),
        ("[::1]:80", "[::1]:80"),
        ("192.0.2.1:080", "192.0.2.1:80"),
    ],
)
def test_targets(text, meant):
    assert parse_target(text) == meant


BAD_TARGETS = ["", "0", "65536", "x", ":80", "1.2.3.4:", "\uff11:\uff12", "-1", "1" * 99]
BAD_HOSTS = ["foo:80", "http://localhost:3000", "::1:80", "[1.2.3.4]:80", "0.0.0.0:80", "[::]:80", "localhost.:80"]


@pytest.mark.parametrize("text", BAD_TARGETS + BAD_HOSTS)
def test_bad_targets(text):
    with pytest.raises(UsageError):
        parse_target(text)


def test_destinations():
    assert parse_destination("byron.local") == Destination("byron.local", None)
    assert parse_destination("byron:80") == Destination("byron", 80)
    for text in ("byron:", ":80", "byron:0", "byron:x"):
        with pytest.raises(UsageError):
            parse_destination(text)


def test_listens():
    assert parse_listen("8080") == "127.0.0.1:8080"
    assert parse_listen("0") == "127.0.0.1:0"
    assert parse_listen("[::1]:8080") == "[::1]:8080"
    for text in ("x", ":1", "1.2.3.4:70000", ""):
        with pytest.raises(UsageError):
            parse_listen(text)


@given(st.text(max_size=30))
def test_any_text_is_a_target_or_a_usage_error(text):
    for parse in (parse_target, parse_destination, parse_listen):
        with suppress(UsageError):
            parse(text)
