import contextlib

import pytest
import trio
from structlog.testing import capture_logs

from beam_actors import errors
from beam_actors.ingress.gate import Gate
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.zone import Zone
from beam_actors.values import OwnerId
from tests.ingress.rig import OWNER, Choice, FakeNames
from tests.ingress.streams import FakeStream, FakeTunnels
from tests.ingress.test_heads import get

LIMITS = IngressLimits()


def gate(tunnels=None, names=None, kind="http"):
    zone = Zone(("local", "localhost"))
    return Gate(kind, 80, zone, tunnels or FakeTunnels(), names or FakeNames(), LIMITS, "node/ingress/http")


async def converse(data, tunnels=None, *, names=None, sni=None, shut=True, kind="http"):
    """What a client that sends `data` reads, the page, and the server's end of the connection."""
    client, server = FakeStream.pair()
    page = None
    received = b""

    async def serve():
        nonlocal page
        page = await gate(tunnels, names, kind).serve(server, lambda: sni)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        await client.write(data)
        if shut:
            await trio.testing.wait_all_tasks_blocked()
            if server.state == "open":
                await client.shutdown()
    if server.state == "closed":
        received = await client.read_all()
    return received, page, server


async def test_a_request_for_a_name_is_spliced_with_its_bytes_as_they_came(autojump_clock):
    tunnels = FakeTunnels()
    data = get("hOSt:  ByronWade.LOCAL:8480", "Upgrade: websocket") + b"first bytes \x00\xff of a body"
    _, page, server = await converse(data, tunnels)
    assert page is None
    [(destination, port, client, near, _)] = tunnels.opened
    assert (destination, port, client) == ("byronwade", 80, "http")
    assert server.spliced_with is near
    assert server._held == data
    assert server.tag == "node/ingress/http"


PERSON = ("Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-User: ?1")


@pytest.mark.parametrize(
    ("kind", "fields", "seen"),
    [
        ("https", PERSON, "navigation"),
        ("http", PERSON, None),  # where no browser sends this
        ("https", ("Sec-Fetch-Site: none", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"), None),
    ],
)
async def test_a_page_that_a_person_opens_is_a_use_of_its_name(autojump_clock, kind, fields, seen):
    tunnels = FakeTunnels()
    await converse(get("Host: victim.local", *fields, line="GET /x.png HTTP/1.1"), tunnels, kind=kind)
    assert tunnels.seen == [("victim", seen)]


async def test_pages_do_not_fill_the_log(autojump_clock):
    with capture_logs() as lines:
        _, page, _ = await converse(get("Host: nobody.test"))
    assert page is not None
    assert {line["log_level"] for line in lines} == {"debug"}


async def test_a_head_in_pieces(autojump_clock):
    client, server = FakeStream.pair()
    tunnels = FakeTunnels()
    data = get("Host: a.local")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gate(tunnels).serve, server, lambda: None)
        for at in range(len(data)):
            await client.write(data[at : at + 1])
            await trio.sleep(0.1)
    assert server.state == "spliced"
    assert server._held == data


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (errors.NameNotFound("Nobody holds it."), 404),
        (errors.NameContested("Two claim it."), 409),
        (errors.TunnelRefused("No."), 403),
        (errors.TunnelNotFound("No such port."), 404),
        (errors.TargetDown("Nothing there."), 502),
        (errors.PeerOffline("Away."), 504),
        (errors.ActorUnavailable("Restarting."), 503),
        (errors.ResourceExhausted("Too many requests wait."), 503),
        ("hang", 504),
    ],
)
async def test_what_can_go_wrong_has_a_page(autojump_clock, fault, status):
    received, page, _ = await converse(get("Host: a.local"), FakeTunnels({"a": fault}))
    assert page.status == status
    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close\r\n" in received
    assert b"a.local" in received or status == 503


async def test_a_tunnel_that_hangs_is_given_up_after_five_seconds(autojump_clock):
    before = trio.current_time()
    await converse(get("Host: a.local"), FakeTunnels({"a": "hang"}))
    assert trio.current_time() - before == LIMITS.open_seconds


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("example.com", 421),
        ("127.0.0.1:8480", 421),
        ("localhost:8480", 404),
        ("local", 404),
        ("wpad.local", 404),
        ("a.b.local", 404),
    ],
)
async def test_other_hosts_open_no_tunnel(autojump_clock, host, status):
    tunnels = FakeTunnels()
    _, page, _ = await converse(get(f"Host: {host}"), tunnels)
    assert page.status == status
    assert not tunnels.opened


@pytest.mark.parametrize(
    ("sni", "status"), [("a.local", None), ("a.local.", None), ("b.local", 421), ("a.localhost", 421)]
)
async def test_the_host_must_be_that_of_the_certificate(autojump_clock, sni, status):
    tunnels = FakeTunnels()
    _, page, _ = await converse(get("Host: A.local"), tunnels, sni=sni)
    assert (page and page.status) == status
    assert len(tunnels.opened) == (status is None)


async def test_smuggling_opens_no_tunnel(autojump_clock):
    tunnels = FakeTunnels()
    data = (
        get("Host: a.local", "Content-Length: 5", "Transfer-Encoding: chunked", line="POST / HTTP/1.1")
        + b"0\r\n\r\nGET"
    )
    received, page, _ = await converse(data, tunnels)
    assert page.status == 400
    assert not tunnels.opened
    assert received.count(b"HTTP/1.1 ") == 1


async def test_pages_suit_the_client(autojump_clock):
    tunnels = FakeTunnels({"a": errors.PeerOffline("Away.")})
    html, _, _ = await converse(get("Host: a.local", "Accept: text/html"), tunnels)
    assert b"<!doctype html>" in html
    bare, _, _ = await converse(get("Host: a.local", line="HEAD / HTTP/1.1"), tunnels)
    assert bare.endswith(b"\r\n\r\n")
    refused, _, _ = await converse(get("Host: a.local", "Accept: text/html", line="CONNECT a:1 HTTP/1.1"), tunnels)
    assert b"<!doctype html>" in refused


async def test_a_slow_head_is_cut_off(autojump_clock):
    client, server = FakeStream.pair()
    before = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gate().serve, server, lambda: None)
        await client.write(b"GET / HT")
        received = await client.read()
        assert received.startswith(b"HTTP/1.1 408 ")
        assert trio.current_time() - before == LIMITS.head_seconds
    assert server.state == "closed"  # though the client never closed its side
    assert trio.current_time() - before == LIMITS.head_seconds + LIMITS.farewell_seconds


@pytest.mark.parametrize("shut", [True, False])
async def test_a_connection_that_is_not_used_gets_no_page(autojump_clock, shut):
    client, server = FakeStream.pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gate().serve, server, lambda: None)
        if shut:
            await client.shutdown()
    assert server.state == "closed"
    assert await client.read() == b""


async def test_a_client_that_keeps_sending_after_its_page_is_cut_off(autojump_clock):
    client, server = FakeStream.pair(room=0)

    async def flood():
        with contextlib.suppress(errors.ConnectionLost):  # which ends the loop, and so the test
            while True:
                await client.write(bytes(1 << 14))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(gate().serve, server, lambda: None)
        await client.write(get("Host: example.com", "Content-Length: 999999999", line="POST / HTTP/1.1"))
        nursery.start_soon(flood)
        assert (await client.read()).startswith(b"HTTP/1.1 421 ")
    assert server.state == "closed"


async def test_a_client_that_is_gone_leaves_no_tunnel_open(autojump_clock):
    client, server = FakeStream.pair()
    tunnels = FakeTunnels()
    await client.write(get("Host: a.local"))
    client.abort()
    with pytest.raises(errors.ConnectionLost):
        await gate(tunnels).serve(server, lambda: None)
    [(_, _, _, near, _)] = tunnels.opened
    assert near.state == "aborted"


CONTESTED = {"a": errors.NameContested("Two claim it.")}


async def test_a_contested_name_shows_who_the_owners_are(autojump_clock):
    names, tunnels = FakeNames(), FakeTunnels(CONTESTED)
    names.contested["a"] = (Choice(OWNER), Choice(OwnerId(bytes(32))))
    _, page, _ = await converse(get("Host: a.local:8480"), tunnels, names=names)
    assert [option.owner for option in page.options] == [str(OWNER), str(OwnerId(bytes(32)))]
    assert page.options[0].url == f"http://a.{OWNER}.local:8480/"
    assert not tunnels.opened


@pytest.mark.parametrize("claimants", [(), errors.ActorUnavailable("Restarting."), "hang"])
async def test_a_contested_name_has_a_page_without_them_too(autojump_clock, claimants):
    names = FakeNames(delay=60 if claimants == "hang" else 0)
    names.contested["a"] = claimants
    _, page, _ = await converse(get("Host: a.local"), FakeTunnels(CONTESTED), names=names)
    assert (page.status, page.options) == (409, ())


@pytest.mark.parametrize("petname", [False, True])
async def test_a_pinned_name_whose_owner_gave_it_up_shows_who_holds_it_now(autojump_clock, petname):
    names, tunnels = FakeNames(), FakeTunnels({"a": errors.NameGivenUp("It is pinned to b, who has released it.")})
    names.contested["a"], names.petnames = (Choice(OWNER),), {"a"} if petname else set()
    _, page, _ = await converse(get("Host: a.local"), tunnels, names=names)
    assert page.status == 404
    assert [option.owner for option in page.options] == ([] if petname else [str(OWNER)])


@pytest.mark.parametrize("others", [(), (Choice(OwnerId(bytes(32))),)])
async def test_the_pinned_owner_is_not_shown_as_somebody_else(autojump_clock, others):
    """An older claim of theirs is live, and the pin does not accept it."""
    names, tunnels = FakeNames(), FakeTunnels({"a": errors.NameUnheld("It is pinned to b, who holds it no more.")})
    names.contested["a"] = (Choice(OWNER, relation="pin"), *others)
    received, page, _ = await converse(get("Host: a.local"), tunnels, names=names)
    assert [option.owner for option in page.options] == [str(other.owner) for other in others]
    assert (b"Somebody else holds it now" in received) is bool(others)
    assert str(OWNER).encode() not in received


async def test_a_refused_head_request_gets_no_body(autojump_clock):
    received, page, _ = await converse(get("Host: a b", line="HEAD / HTTP/1.1"))
    assert page.status == 400
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("host", "advised"),
    [
        ("nobody.local", True),
        ("local", False),
        ("ns.local", False),
        ("-x.local", False),
        ("a.b.alpha.local", False),
        (f"nobody.{OWNER}.local", False),
    ],
)
async def test_only_what_can_be_a_name_is_advised_to_be_claimed(autojump_clock, host, advised):
    tunnels = FakeTunnels(dict.fromkeys(("nobody", f"nobody.{OWNER}"), errors.NameNotFound("Nobody.")))
    received, page, _ = await converse(get(f"Host: {host}"), tunnels)
    assert page.status == 404
    assert (b"beam 3000 --name" in received) is advised


@pytest.mark.parametrize(
    "fault", [errors.NameNotFound("Gone."), errors.NameHandedOver("To anna."), errors.TunnelNotFound("Nothing.")]
)
@pytest.mark.parametrize("petnames", [{"anna"}, set(), errors.ActorUnavailable("Restarting."), "hang"])
async def test_nothing_is_advised_for_a_petname_that_is_refused_there(autojump_clock, fault, petnames):
    names = FakeNames(delay=60 if petnames == "hang" else 0)
    names.petnames = petnames
    received, page, _ = await converse(get("Host: anna.local"), FakeTunnels({"anna": fault}), names=names)
    assert page.code == fault.code
    claims = b"beam 3000 --name anna" in received or b"beam register anna" in received
    assert claims is (petnames != {"anna"})
    assert (b"It is a petname of yours" in received) is (petnames == {"anna"})
