import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import h11
import pytest

from beam_actors import errors
from beam_actors.ingress.heads import BadHead
from beam_actors.ingress.pages import Page, misdirected, page_for, too_slow


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
    ("error", "status", "code"),
    [
        (errors.NameNotFound(""), 404, "name-not-found"),
        (errors.InvalidName("no"), 404, "name-not-found"),
        (errors.NameContested("Two claim it."), 409, "name-contested"),
        (errors.TunnelNotFound(""), 404, "tunnel-not-found"),
        (errors.TunnelRefused(""), 403, "tunnel-refused"),
        (errors.TargetDown(""), 502, "target-down"),
        (errors.PeerOffline(""), 504, "peer-offline"),
        (errors.TimedOut(""), 504, "timed-out"),
        (errors.AskTimeout(""), 504, "timed-out"),
        (errors.ConnectionLost(""), 502, "network-error"),
        (errors.ResourceExhausted(""), 503, "resource-exhausted"),
        (errors.ActorUnavailable("secret path"), 503, "actor-unavailable"),
        (errors.StorageError("secret path"), 503, "storage-error"),
        (BadHead("Odd."), 400, "bad-request"),
        (BadHead("Long.", 431), 431, "bad-request"),
    ],
)
def test_each_error_has_its_status(error, status, code):
    page = page_for(error, "byronwade.local")
    assert (page.status, page.code) == (status, code)
    assert page.message
    response, _, body = parse(page.render(accept="application/json"))
    assert response.status_code == status
    assert json.loads(body) == {"schema": 1, "status": status, "error": code, "message": page.message}
    assert "secret" not in page.message


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
    _, fields, body = parse(misdirected("b.local", "a.local").render(accept=accept))
    assert fields[b"content-type"] == kind
    assert fields[b"connection"] == b"close"
    assert fields[b"cache-control"] == b"no-store"
    assert b"b.local" in body


def test_a_head_request_gets_no_body():
    page = too_slow()
    whole, bare = page.render(), page.render(head_only=True)
    assert whole.startswith(bare)
    assert bare.endswith(b"\r\n\r\n")


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not any(name.startswith("on") or name in {"src", "href", "style"} for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


def test_everything_is_escaped():
    nasty = "<script>alert(1)</script>\"'&<img src=x onerror=y>"
    page = Page(404, "x", nasty, nasty, (nasty,))
    _, _, body = parse(page.render(accept="text/html"))
    elements = Elements()
    elements.feed(body.decode())
    assert set(elements.tags) == {
        "html", "head", "meta", "title", "style", "body", "main", "p", "h1", "h2", "ul", "li", "code", "footer",
    }  # fmt: skip
    assert elements.text.count(nasty) == 4


def test_the_policy_names_the_hash_of_the_style():
    _, fields, body = parse(page_for(errors.PeerOffline("Gone."), "a.local").render(accept="text/html"))
    policy = fields[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'none';")
    style = re.search("<style>(.*)</style>", body.decode(), re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_a_long_message_is_cut():
    assert len(page_for(errors.PeerOffline("x" * 100_000), "a.local").render(accept="text/html")) < 8000
