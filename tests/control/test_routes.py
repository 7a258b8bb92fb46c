import json

import pytest

from beam_actors.control import NameEvent
from beam_actors.control.fields import Fields
from beam_actors.control.results import ExposeRequest, ForwardRequest
from beam_actors.control.routes import ROUTES, SHARE, UnknownCommand, find_route, read_expose
from beam_actors.errors import BeamError, InvalidValue, UsageError
from beam_actors.values import Multiaddr, OwnerId, PeerId, TcpAddress
from tests.control.fakes import OTHER, OWNER, PEER, FakeNode


async def ask(node, method, path, /, **body):
    return await find_route(method, path).handler(node, Fields(json.dumps(body).encode()))


KEYS = {
    # What scripts rely on (design section 10).
    "/v1/id": {"peer_id", "addresses"},
    "/v1/status": {"peer_id", "peers", "reachability", "tunnels", "names", "dns", "https", "http", "uptime_s"},
    "/v1/tree": {"path", "state", "incarnation", "restarts", "last_exit", "mailbox", "children"},
    "/v1/ca": {"path"},
}


@pytest.mark.parametrize("path", KEYS)
async def test_the_keys_of_single_answers(path):
    assert set(await ask(FakeNode(), "GET", path)) >= KEYS[path]


async def test_the_keys_of_peers():
    row, _ = (await ask(FakeNode(), "GET", "/v1/peers"))["peers"]
    assert set(row) >= {"peer_id", "path", "rtt_ms", "agent", "kept"}


async def test_the_keys_of_disconnect():
    answer = await ask(FakeNode(), "POST", "/v1/disconnect", peer=OTHER)
    assert answer == {"peer_id": OTHER, "sessions": 1, "bootstrap": False}


async def test_the_keys_of_ping():
    assert set(await ask(FakeNode(), "POST", "/v1/ping", target="x")) >= {"path", "rtt_ms", "why"}


async def test_the_keys_of_resolve():
    answer = await ask(FakeNode(), "POST", "/v1/resolve", name="x")
    assert set(answer) >= {"name", "owner", "peer_id", "source", "age_s", "address"}


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "GET"], ids=lambda route: route.path)
async def test_every_get_takes_no_fields_and_writes_as_json(route):
    json.dumps(await route.handler(FakeNode(), Fields(b"")))
    with pytest.raises(UsageError, match="extra"):
        await route.handler(FakeNode(), Fields(b'{"extra": 1}'))


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "POST"], ids=lambda route: route.path)
async def test_every_post_refuses_unknown_fields_before_it_acts(route):
    node = FakeNode()
    body = {
        "address": "/ip4/192.0.2.1/tcp/1",
        "target": "127.0.0.1:3000",
        "tunnel": "t1",
        "forward": "f1",
        "destination": "d",
        "listen": "127.0.0.1:1",
        "name": "n",
        "path": "p",
        "extra": 1,
    }
    with pytest.raises(UsageError):
        await route.handler(node, Fields(json.dumps(body).encode()))
    assert node.calls == []


async def test_values_reach_the_node_typed():
    node = FakeNode()
    address = f"/ip4/192.0.2.1/tcp/4747/p2p/{OTHER}"
    await ask(node, "POST", "/v1/connect", address=address)
    await ask(node, "POST", "/v1/disconnect", peer=OTHER)
    await ask(node, "POST", "/v1/expose", target="[::1]:22", name="box", port=22, allow=[OTHER, OTHER])
    await ask(node, "POST", "/v1/forward", destination="box", port=22, listen="127.0.0.1:2222")
    await ask(node, "POST", "/v1/pin", name="box", owner=OWNER)
    await ask(node, "POST", "/v1/register", name="box", contest=True)
    assert node.calls == [
        ("connect", Multiaddr.parse(address)),
        ("disconnect", PeerId.parse(OTHER)),
        ("expose", ExposeRequest(target=TcpAddress("::1", 22), name="box", port=22, allow=(OTHER, OTHER))),
        ("progress", "box"),  # for whether others can open it
        ("forward", ForwardRequest(destination="box", port=22, listen=TcpAddress("127.0.0.1", 2222))),
        ("pin", "box", OwnerId.parse(OWNER)),
        ("register", "box", True),
    ]


async def test_a_name_can_be_contested_when_it_is_offered():
    node = FakeNode()
    await ask(node, "POST", "/v1/expose", target="127.0.0.1:3000", name="box", contest=True)
    assert node.calls[0][1].contest
    with pytest.raises(UsageError, match="neither true nor false"):
        await ask(node, "POST", "/v1/expose", target="127.0.0.1:3000", name="box", contest="yes")


async def test_unexpose_finds_what_is_meant():
    node = FakeNode()
    await ask(node, "POST", "/v1/expose", target="127.0.0.1:3000", name="site")
    assert (await ask(node, "POST", "/v1/unexpose", tunnel="site.local"))["id"] == "t1"
    assert (await ask(node, "GET", "/v1/tunnels"))["tunnels"] == []


async def test_unforward_finds_what_is_meant():
    node = FakeNode()
    await ask(node, "POST", "/v1/forward", destination=PEER, port=9000, listen="127.0.0.1:8080")
    assert (await ask(node, "POST", "/v1/unforward", forward="8080"))["destination"] == PEER
    assert (await ask(node, "GET", "/v1/forwards"))["forwards"] == []


async def test_events_are_told_from_a_number_on():
    node = FakeNode()
    node.name_events = [
        NameEvent(number=number, at=1.0, what="contested", name="a.local", owner=OWNER, relation="pin")
        for number in (1, 2)
    ]
    assert [event["number"] for event in (await ask(node, "POST", "/v1/events"))["events"]] == [1, 2]
    assert [event["number"] for event in (await ask(node, "POST", "/v1/events", after=1))["events"]] == [2]


async def test_a_revocation_is_bytes_in_base64():
    node = FakeNode()
    assert await ask(node, "POST", "/v1/revoke", claim="AAEC") == {"owner": OWNER, "told": 2}
    assert node.calls[-1] == ("revoke", b"\x00\x01\x02")
    for wrong in ("", "AAE", "A?==", 7, None, "A" * 1400):
        with pytest.raises(UsageError, match="claim"):
            await ask(node, "POST", "/v1/revoke", claim=wrong)


async def test_release_and_unpin_name_what_is_gone():
    node = FakeNode()
    await ask(node, "POST", "/v1/register", name="mine")
    await ask(node, "POST", "/v1/pin", name="theirs", owner=OWNER)
    assert await ask(node, "POST", "/v1/release", name="mine") == {"name": "mine", "signed": True}
    assert await ask(node, "POST", "/v1/unpin", name="theirs") == {"name": "theirs"}


async def test_a_petname_and_its_end():
    node = FakeNode()
    answer = await ask(node, "POST", "/v1/petname", petname="anna", name=f"cottage.{OWNER}")
    assert answer["source"] == "petname"
    assert await ask(node, "POST", "/v1/forget-petname", petname="anna") == {"petname": "anna"}
    assert node.calls[-2:] == [("petname", "anna", f"cottage.{OWNER}"), ("forget_petname", "anna")]
    with pytest.raises(UsageError, match="name"):
        await ask(node, "POST", "/v1/petname", petname="anna")


async def test_stop_and_crash():
    node = FakeNode()
    assert await ask(node, "POST", "/v1/crash", path="node/core") == {"path": "node/core"}
    assert await ask(node, "POST", "/v1/stop") == {"stopping": True}
    assert node.stopped


def test_who_may_use_a_tunnel_is_passed_on_in_words():
    request = read_expose(Fields(b'{"target": "127.0.0.1:22", "port": 22, "allow": ["everyone"]}'), foreground=True)
    assert request == ExposeRequest(target=TcpAddress("127.0.0.1", 22), port=22, allow=("everyone",), foreground=True)


@pytest.mark.parametrize(
    "body",
    [
        {"target": "example.com:80"},
        {"target": "127.0.0.1:99999"},
        {"target": "127.0.0.1:80", "port": 0},
        {"target": "127.0.0.1:80", "allow": "everyone"},
        {"target": "127.0.0.1:80", "allow": [1]},
        {},
    ],
)
def test_bad_tunnels(body):
    with pytest.raises(UsageError):
        read_expose(Fields(json.dumps(body).encode()), foreground=False)


def test_an_unknown_command_names_the_version_and_the_way_out():
    with pytest.raises(UnknownCommand, match="beam stop") as caught:
        find_route("POST", "/v1/teleport")
    assert isinstance(caught.value, BeamError)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/stop"), ("DELETE", "/v1/id"), ("GET", SHARE)])
def test_a_wrong_method_is_not_an_unknown_command(method, path):
    with pytest.raises(UsageError, match="does not take"):
        find_route(method, path)


async def test_a_bad_address_is_a_usage_error():
    with pytest.raises(InvalidValue):
        await ask(FakeNode(), "POST", "/v1/connect", address="192.0.2.1:80")
