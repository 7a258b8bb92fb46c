from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.cli.commands import looks_like_target
from beam_actors.cli.targets import (
    Destination,
    forward_selector,
    parse_destination,
    parse_listen,
    parse_target,
    tunnel_selector,
)
from beam_actors.errors import UsageError
from tests.control.fakes import OTHER, PEER


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
        ("http://localhost:3000", "127.0.0.1:3000"),
        ("HTTP://LocalHost:3000/", "127.0.0.1:3000"),
        ("http://localhost", "127.0.0.1:80"),
        ("localhost:3000/", "127.0.0.1:3000"),
        ("http://[::1]:5173/", "[::1]:5173"),
        ("http://0.0.0.0:8000/", "127.0.0.1:8000"),
        ("0.0.0.0:80", "127.0.0.1:80"),
        ("[::]:80", "[::1]:80"),
    ],
)
def test_targets(text, meant):
    assert parse_target(text) == meant


BAD_TARGETS = ["", "0", "65536", "x", ":80", "1.2.3.4:", "\uff11:\uff12", "-1", "1" * 99]
BAD_HOSTS = ["foo:80", "::1:80", "[1.2.3.4]:80", "localhost.:80", "http://", "http://byron.local:80", "http://x:y"]


@pytest.mark.parametrize("text", BAD_TARGETS + BAD_HOSTS)
def test_bad_targets(text):
    with pytest.raises(UsageError):
        parse_target(text)


def test_a_path_is_not_offered_alone_and_what_is_no_plain_http_not_at_all():
    for text in ("http://localhost:3000/admin", "localhost:3000?x", "3000/#top"):
        with pytest.raises(UsageError, match="All of localhost:3000 is offered"):
            parse_target(text)
    for text in ("https://localhost:3000", "ftp://localhost:21", "tcp://localhost:5432"):
        with pytest.raises(UsageError, match="plain HTTP"):
            parse_target(text)


@pytest.mark.parametrize(
    ("text", "who", "port"),
    [
        ("https://byron.local", "byron.local", None),
        ("https://byron.local:8443/page", "byron.local", None),
        ("http://byron.local:80", "byron.local", None),
        ("tcp://db.local:5432", "db.local", 5432),
        ("byron.local/", "byron.local", None),
        ("byron.local:9000/", "byron.local", 9000),
        (f"/ip4/192.0.2.1/tcp/1/p2p/{OTHER}", f"/ip4/192.0.2.1/tcp/1/p2p/{OTHER}", None),
        (f"/ip6/::1/tcp/1/p2p/{OTHER}", f"/ip6/::1/tcp/1/p2p/{OTHER}", None),
        (f"/ip6/::1/tcp/1/p2p/{OTHER}:9000", f"/ip6/::1/tcp/1/p2p/{OTHER}", 9000),
        ("/ip6/fe80::1", "/ip6/fe80::1", None),
        (OTHER, OTHER, None),
    ],
)
def test_a_destination_may_be_pasted(text, who, port):
    assert parse_destination(text) == Destination(who, port)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("byron", "byron"),
        ("byron:80", "byron:80"),
        ("3000", "3000"),
        ("localhost:3000", "127.0.0.1:3000"),
        ("http://localhost:3000/", "127.0.0.1:3000"),
        ("https://byron.local/", "byron.local"),
        ("byron.local/", "byron.local"),
        ("byron.local/page", "byron.local"),
        ("byron.local?q#f", "byron.local"),
        ("byron.local:8443/page", "byron.local"),
        ("https://byron.local:8443/page", "byron.local"),
        ("tcp://byron.local:5432", "byron.local"),
        ("byron.http", "byron.http"),
    ],
)
def test_what_is_taken_back_may_be_pasted(text, meant):
    assert tunnel_selector(text) == forward_selector(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0.0.0.0:9001", "0.0.0.0:9001"),  # as `forwards` shows it
        ("[::]:9001", "[::]:9001"),
        ("[0::1]:9003", "[::1]:9003"),
        ("http://[::1]:9003/", "[::1]:9003"),
        ("forward.9003", "forward.9003"),
        ("forward.9003.--1", "forward.9003.--1"),
        ("10.0.0.7:9001", "10.0.0.7:9001"),
        (f"/ip4/10.0.0.7/tcp/4747/p2p/{PEER}:22", f"/ip4/10.0.0.7/tcp/4747/p2p/{PEER}:22"),
    ],
)
def test_a_forward_is_called_by_where_it_listens(text, meant):
    assert forward_selector(text) == meant


def test_a_tunnel_is_called_by_its_target_as_its_server_prints_it():
    assert tunnel_selector("0.0.0.0:3000") == "127.0.0.1:3000"
    assert tunnel_selector("[::]:3000") == "[::1]:3000"


def test_destinations():
    assert parse_destination("byron.local") == Destination("byron.local", None)
    assert parse_destination("byron:80") == Destination("byron", 80)
    for text in ("byron:", ":80", "byron:0", "byron:x", "tcp://db.local", "ftp://byron.local"):
        with pytest.raises(UsageError):
            parse_destination(text)


def test_listens():
    assert parse_listen("8080") == "127.0.0.1:8080"
    assert parse_listen("0") == "127.0.0.1:0"
    assert parse_listen("http://localhost:8080/") == "127.0.0.1:8080"
    assert parse_listen("[::1]:8080") == "[::1]:8080"
    for text in ("x", ":1", "1.2.3.4:70000", "", "8080/page", "https://localhost:8080", "http://localhost"):
        with pytest.raises(UsageError):
            parse_listen(text)


@given(st.text(max_size=30))
def test_any_text_is_a_target_or_a_usage_error(text):
    for parse in (parse_target, parse_destination, parse_listen, tunnel_selector, forward_selector):
        with suppress(UsageError):
            parse(text)
