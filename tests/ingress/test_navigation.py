import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.ingress.navigation import is_navigation
from tests.ingress.test_heads import get, read

TYPED = {
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
}
"""What a browser sends when a person types a name, or chooses a bookmark."""
CLICKED = TYPED | {"Sec-Fetch-Site": "cross-site"}


def navigates(fields, line="GET / HTTP/1.1"):
    given = fields.items() if isinstance(fields, dict) else fields
    return read(get("Host: victim.local", *(f"{name}: {value}" for name, value in given), line=line)).navigates


@pytest.mark.parametrize("fields", [TYPED, TYPED | {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}])
def test_a_page_that_a_person_opens(fields):
    assert navigates(fields)
    assert navigates({name.upper(): value for name, value in fields.items()})


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("a link of another page, or what its script makes of a click", CLICKED),
        ("a link of a neighbour", CLICKED | {"Sec-Fetch-Site": "same-site"}),
        ("an old browser's", {k: v for k, v in TYPED.items() if k != "Sec-Fetch-Site"}),
        ("an image of another page", TYPED | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
        ("fetch()", TYPED | {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
        ("a script", TYPED | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}),
        ("a frame", TYPED | {"Sec-Fetch-Dest": "iframe"}),
        ("a frame of old", TYPED | {"Sec-Fetch-Dest": "frame"}),
        ("an embedded thing", TYPED | {"Sec-Fetch-Dest": "embed"}),
        ("a WebSocket", TYPED | {"Sec-Fetch-Mode": "websocket", "Sec-Fetch-Dest": "websocket"}),
        ("a script that sets location, or a refresh", {k: v for k, v in TYPED.items() if k != "Sec-Fetch-User"}),
        ("nobody", TYPED | {"Sec-Fetch-User": "?0"}),
        ("a prefetch", TYPED | {"Sec-Purpose": "prefetch"}),
        ("a prerender", TYPED | {"Sec-Purpose": "prefetch;prerender"}),
        ("a prefetch of old", TYPED | {"Purpose": "prefetch"}),
        ("a prefetch of Firefox", TYPED | {"X-Moz": "prefetch"}),
        ("curl", {"User-Agent": "curl/8.5.0", "Accept": "*/*"}),
        ("a browser of old", {"Accept": "text/html"}),
        ("a browser over HTTP", {"Accept": "text/html", "Upgrade-Insecure-Requests": "1"}),
        ("two answers", [*TYPED.items(), ("Sec-Fetch-Dest", "image")]),
        ("one field twice", [*TYPED.items(), ("Sec-Fetch-User", "?1")]),
    ],
)
def test_what_is_none(what, fields):
    assert not navigates(fields), what


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS", "get"])
def test_only_a_get(method):
    assert not navigates(TYPED, line=f"{method} / HTTP/1.1")


@given(st.dictionaries(st.sampled_from([name.lower().encode() for name in TYPED]), st.lists(st.binary(), max_size=3)))
def test_nothing_but_the_exact_fields(fields):
    wanted = {name.lower().encode(): [value.encode()] for name, value in TYPED.items()}
    same = wanted | {b"sec-fetch-site": [b"same-origin"]}
    assert is_navigation("GET", fields) == (fields in (wanted, same))
