"""Tunnels and forwards as the API makes, lists and ends them."""

import attrs
import pytest

from beam_actors.control import ExposeRequest, ForwardRequest
from beam_actors.errors import TunnelNotFound, UsageError
from beam_actors.values import TcpAddress
from tests.node.pairs import APP, with_two_nodes


def test_tunnels_and_forwards_are_offered_listed_and_withdrawn():
    async def check(owner, visitor):
        row = await owner.expose(ExposeRequest(target=APP, name="site"))
        assert (row.id, row.kind, row.urls, row.allow) == ("site.http", "http", ("https://site.local",), ())
        only = (await visitor.id()).peer_id
        raw = await owner.expose(ExposeRequest(target=APP, port=22, allow=(only,)))
        assert (raw.kind, raw.allow) == ("tcp", (only,))
        assert [item.id for item in await owner.tunnels()] == ["_.22", "site.http"]
        assert (await owner.names())[0].url == "https://site.local"
        assert (await owner.unexpose("site.local")).id == "site.http"
        with pytest.raises(TunnelNotFound):
            await owner.unexpose("site.local")
        listen = TcpAddress("127.0.0.1", 8080)
        held = await visitor.forward(ForwardRequest(destination="site.local", port=None, listen=listen))
        assert (held.listening, held.port) == (True, 80)
        assert (await visitor.unforward("127.0.0.1:8080")).id == held.id
        assert await visitor.forwards() == ()
        request = ForwardRequest(destination="site", port=22, listen=listen)
        owned = f"site.{(await owner.id()).owner}"
        for made, typed in (("site", "site.local:22"), ("site.local", "site:22"), ("site", "site.localhost")):
            held = await visitor.forward(attrs.evolve(request, destination=made))
            for other in ("site.local:23", f"{owned}.local:22", "sites"):
                with pytest.raises(TunnelNotFound):
                    await visitor.unforward(other)
            assert (await visitor.unforward(typed)).id == held.id
        held = await visitor.forward(attrs.evolve(request, destination=owned))
        assert (await visitor.unforward(f"{owned}.local:22")).id == held.id
        for port in (8080, 8081):
            await visitor.forward(attrs.evolve(request, listen=TcpAddress("127.0.0.1", port)))
        for typed in ("site", "site:22", "site.local", "site.local:22", "site.localhost"):
            with pytest.raises(UsageError, match=r"several forwards: say which of forward\.8080, forward\.8081"):
                await visitor.unforward(typed)
        assert len(await visitor.forwards()) == 2

    with_two_nodes(check)


def test_a_forward_to_no_name_says_once_what_was_typed():
    async def check(_owner, visitor):
        listen = TcpAddress("127.0.0.1", 8080)
        with pytest.raises(UsageError, match=r"^'byron_wade' is not a name: use") as refused:
            await visitor.forward(ForwardRequest(destination="byron_wade", port=None, listen=listen))
        assert str(refused.value).count("byron_wade") == 1
        assert "peer id" in str(refused.value)

    with_two_nodes(check)


def test_a_foreground_tunnel_reuses_the_name_that_was_made_for_its_target():
    async def check(owner, _visitor):
        request = ExposeRequest(target=APP, foreground=True)
        first = await owner.expose(request)
        await owner.unexpose(first.id)
        assert (await owner.expose(request)).name == first.name
        other = await owner.expose(attrs.evolve(request, target=TcpAddress("127.0.0.1", 3001)))
        assert other.name != first.name

    with_two_nodes(check)


def test_a_foreground_tunnel_that_is_exposed_for_good_is_kept():
    async def check(owner, _visitor):
        request = ExposeRequest(target=APP, name="site", foreground=True)
        assert (await owner.expose(request)).foreground
        assert not (await owner.expose(attrs.evolve(request, foreground=False))).foreground
        assert [row.foreground for row in await owner.tunnels()] == [False]

    with_two_nodes(check)


@pytest.mark.parametrize("wrong", ["../../x", "127.0.0.1", "a b", "example.com", "/ip4/10.0.0.1/tcp/4747", "/x", "-x"])
def test_a_forward_that_can_never_lead_anywhere_is_refused(wrong):
    async def check(owner, _visitor):
        listen = TcpAddress("127.0.0.1", 8080)
        with pytest.raises(UsageError):
            await owner.forward(ForwardRequest(destination=wrong, port=None, listen=listen))
        assert await owner.forwards() == ()

    with_two_nodes(check)


def test_a_forward_may_lead_to_what_is_unknown_yet():
    async def check(owner, visitor):
        peer = (await visitor.id()).peer_id
        for number, destination in enumerate(("nobody-yet.local", "nobody", peer, f"/ip4/10.0.0.2/tcp/1/p2p/{peer}")):
            listen = TcpAddress("127.0.0.1", 8080 + number)
            row = await owner.forward(ForwardRequest(destination=destination, port=None, listen=listen))
            assert row.destination == destination

    with_two_nodes(check)
