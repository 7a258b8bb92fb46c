from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beam_actors.cli.tables import shorten_ids
from beam_actors.cli.targets import parse_destination
from beam_actors.cli.typed import Pasted, check_name, check_peers, name_of, parse_address, parse_owner, plain_name
from beam_actors.errors import InvalidName, UsageError
from tests.control.fakes import OTHER, OWNER

LABELS = st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True)
SUFFIXES = st.sampled_from(["", ".local", ".localhost", f".{OWNER}", f".{OWNER}.local"])
PATHS = st.from_regex(r"([/?#][!-~]{0,20})?", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("byron", "byron"),
        ("  byron.local\n", "byron.local"),
        ("https://byron.local", "byron.local"),
        ("HTTPS://Byron.local/", "Byron.local"),
        ("https://byron.local:8443/a:b/?q#f", "byron.local"),
        ("http://byron.localhost:8480", "byron.localhost"),
        ("tcp://db.local:5432", "db.local"),
        ("byron.local/", "byron.local"),
        ("byron.local:8443", "byron.local"),
        ("byron.local?x", "byron.local"),
        (f"https://byron.{OWNER}.local/", f"byron.{OWNER}.local"),
        (OTHER, OTHER),
    ],
)
def test_a_name_is_found_in_what_people_paste(text, name):
    assert name_of(text) == name


@pytest.mark.parametrize(
    "text", ["", ":80", "byron:x", "byron:0", "https://", "https://x:y/", "a b", f"/ip4/1.2.3.4/{OTHER}"]
)
def test_what_holds_no_name_is_left_to_the_grammar(text):
    assert name_of(text) == text
    with pytest.raises(InvalidName):
        check_name(text)


@pytest.mark.parametrize("text", ["ftp://byron.local", "file:///etc/passwd", "ssh://byron.local", "://byron.local"])
def test_other_addresses_are_not_names(text):
    with pytest.raises(UsageError, match="NAME"):
        name_of(text)


@given(
    LABELS, SUFFIXES, PATHS, st.none() | st.integers(1, 65535), st.sampled_from(["", "http://", "https://", "tcp://"])
)
@example("byron", ".local", "", None, "https://")
def test_what_surrounds_a_name_is_taken_off_whole_and_once(label, suffix, path, port, scheme):
    text = f"{scheme}{label}{suffix}{'' if port is None else f':{port}'}{path}"
    assert name_of(text) == label + suffix
    assert name_of(name_of(text)) == name_of(text)


@given(st.text(max_size=40))
@example("[::1]:80")
@example("::")
@example("a://b://c")
@example("HTTPS://Byron.local:8443/Page://x")
def test_any_text_is_taken_apart_or_a_usage_error(text):
    pasted = Pasted.split(text)
    whole = ("" if pasted.scheme is None else f"{pasted.scheme}://") + pasted.host
    whole += ("" if pasted.port is None else f":{pasted.port}") + pasted.rest
    before, mark, beyond = text.strip().partition("://")
    assert whole == (before.lower() if mark else before) + mark + beyond
    for take in (name_of, check_name, plain_name, parse_owner, parse_address):
        with suppress(UsageError):
            take(text)


def test_ones_own_name_has_no_owner():
    assert plain_name("https://Byron.local/") == "byron"
    with pytest.raises(UsageError, match="your own byron"):
        plain_name(f"byron.{OWNER}")


def test_an_owner_is_told_from_a_machine_and_from_anything_else():
    assert str(parse_owner(f" {OWNER.upper()} ")) == OWNER
    with pytest.raises(UsageError, match=r'is the id of a machine.*"beam id"'):
        parse_owner(OTHER)
    for text in ("anna", OWNER[:-1], OWNER + "a", f"cottage.{OWNER}", ""):
        with pytest.raises(UsageError, match=r'is not the id of an owner.*"beam id"'):
            parse_owner(text)


@pytest.mark.parametrize("at", [0, 7, 51])
@pytest.mark.parametrize("wrong", ["1", "0", "é", "-"])
def test_an_owner_with_a_slip_in_it_is_told_that(at, wrong):
    with pytest.raises(UsageError, match=r'a character of it is mistyped.*"beam id"'):
        parse_owner(OWNER[:at] + wrong + OWNER[at + 1 :])


def test_a_machine_is_told_from_an_owner():
    check_peers((OTHER, "everyone"))
    for wrong, said in ((OWNER, f"{OWNER} is the id of an owner"), ("anna", "'anna' is not the id of a machine")):
        with pytest.raises(UsageError, match="line `peer`") as caught:
            check_peers((OTHER, wrong))
        assert said in str(caught.value)


def test_an_address_says_who_must_answer_there():
    assert str(parse_address(f" /ip4/192.0.2.1/tcp/4747/p2p/{OTHER}/ ")).endswith(OTHER)
    with pytest.raises(UsageError, match=r'/p2p/PEER-ID.*take a whole line `address` of their "beam id"'):
        parse_address("/ip4/192.0.2.1/tcp/4747")
    for shown in ("/ip4/192.0.2.7/tcp/4747/p2p/12D3Koo…", "/ip4/…/p2p/12D3Koo…", "/ip4"):
        with pytest.raises(UsageError, match=r'take a whole line `address` of their "beam id"'):
            parse_address(shown)


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ("192.0.2.1:4748", "/ip4/192.0.2.1/tcp/4748/p2p/12D3Koo"),
        ("192.0.2.1", "/ip4/192.0.2.1/tcp/4747/p2p/12D3Koo"),
        ("[2001:db8::1]:4748", "/ip6/2001:db8::1/tcp/4748/p2p/12D3Koo"),
        ("anna.example:4747", "/ip4/192.0.2.7/tcp/4747/p2p/12D3Koo"),
        ("", "/ip4/192.0.2.7/tcp/4747/p2p/12D3Koo"),
    ],
)
def test_what_is_no_address_is_shown_as_one(text, example):
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert example in str(caught.value)
    assert '"beam id"' in str(caught.value)


@pytest.mark.parametrize("text", [OWNER, OTHER, f"cottage.{OWNER}"])
@pytest.mark.parametrize("parse", [name_of, parse_owner, lambda text: check_peers([text]), parse_destination])
def test_an_id_that_was_copied_from_a_narrow_listing_is_refused_with_where_it_is_whole(text, parse):
    with pytest.raises(UsageError, match="shortened to fit a terminal"):
        parse(shorten_ids(text))
