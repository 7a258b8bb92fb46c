import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import h11
import pytest

from beam_actors.ingress.page import Hop, Option, Page, Step

PAGE = Page(
    502, "target-down", "The app is down", "Nothing answers.", "Refused.", Hop.APP, (Step("Look:", "beam peers"),)
)


def parse(data):
    """h11, as a client, is the judge of the response."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a.local")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    response, body = client.next_event(), b""
    while isinstance(event := client.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert client.their_state is h11.MUST_CLOSE
    return response, dict(response.headers), body


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", b"text/html; charset=utf-8"),
        ("application/json, text/html", b"text/html; charset=utf-8"),
        ("application/json", b"application/json; charset=utf-8"),
        ("*/*", b"text/plain; charset=utf-8"),
        ("", b"text/plain; charset=utf-8"),
    ],
)
def test_the_reader_gets_what_it_asked_for(accept, kind):
    _, fields, body = parse(PAGE.render(accept=accept))
    assert fields[b"content-type"] == kind
    assert fields[b"connection"] == b"close"
    assert fields[b"cache-control"] == b"no-store"
    assert b"Nothing answers." in body


def test_a_head_request_gets_no_body():
    whole, bare = PAGE.render(), PAGE.render(head_only=True)
    assert whole.startswith(bare)
    assert bare.endswith(b"\r\n\r\n")


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text, self.links, self.classes = [], "", [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        self.classes += [value for name, value in attrs if name == "class" and tag == "li"]
        assert not any(name.startswith("on") or name in {"src", "style"} for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


def elements(page):
    found = Elements()
    found.feed(parse(page.render(accept="text/html"))[2].decode())
    return found


def test_everything_is_escaped():
    nasty = "<script>alert(1)</script>\"'&<img src=x onerror=y>"
    option = Option(owner="a" * 52, short=nasty, since=nasty, url=nasty, pin=nasty, equivocates=True)
    page = elements(Page(404, "x", nasty, nasty, nasty, Hop.NAME, (Step(nasty, nasty),), (option,)))
    assert set(page.tags) == {
        "html", "head", "meta", "title", "style", "body", "main", "ol", "li", "p", "h1", "h2", "ul", "code", "footer",
        "div", "b", "a",
    }  # fmt: skip
    assert page.text.count(nasty) == 10
    assert page.links == [nasty]


def test_the_policy_names_the_hash_of_the_style():
    _, fields, body = parse(PAGE.render(accept="text/html"))
    policy = fields[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'none';")
    style = re.search("<style>(.*)</style>", body.decode(), re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("hop", "classes"),
    [(Hop.NAME, ["bad"]), (Hop.MACHINE, ["good", "bad"]), (Hop.APP, ["good", "good", "bad"]), (None, [])],
)
def test_the_way_is_shown_up_to_where_it_broke(hop, classes):
    page = elements(Page(502, "x", "t", "m", broke_at=hop))
    assert page.classes == classes
    assert page.tags.count("li") == (3 if hop else 0)


def test_a_page_without_choices_has_no_link():
    assert elements(PAGE).links == []


def test_programs_get_the_choices_too():
    option = Option(owner="a" * 52, short="a…", since="known", url="http://x/", pin="beam pin x", equivocates=False)
    page = Page(409, "name-contested", "t", "m", options=(option,))
    _, _, body = parse(page.render(accept="application/json"))
    assert json.loads(body) == {
        "schema": 1,
        "status": 409,
        "error": "name-contested",
        "message": "m",
        "detail": "",
        "choices": [{"owner": "a" * 52, "url": "http://x/", "equivocates": False}],
    }
    text = parse(page.render())[2].decode()
    assert all(words in text for words in ("a" * 52, "http://x/", "beam pin x"))


def test_plain_text_says_what_to_do():
    assert parse(PAGE.render())[2].decode() == (
        "502 The app is down\nNothing answers.\n- Look:\n    beam peers\n(Refused.)\n"
    )


def test_long_words_are_cut():
    long = Page(502, "x", "t", "m" * 100_000, "d" * 100_000)
    for accept in ("text/html", "application/json", "text/plain"):
        assert len(long.render(accept=accept)) < 10_000
