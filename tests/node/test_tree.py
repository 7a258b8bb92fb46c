"""The node's tree and its picture in docs/supervision.md, which `UPDATE_DOCS=1` draws anew."""

import os
import re
from pathlib import Path

import pytest
import trio

from beam_actors.errors import InvalidValue, NotAllowed, ResourceExhausted
from beam_actors.node import Bind
from beam_actors.runtime import Pool, Supervisor
from beam_actors.testing.world import run_world
from beam_actors.tunnels import ForwardSpec, TunnelSpec
from beam_actors.values import Multiaddr, TcpAddress

DOCUMENT = Path(__file__).parents[2] / "docs" / "supervision.md"
BLOCK = re.compile(r"(<!-- tree -->\n```\n)(.*?)(```\n<!-- /tree -->)", re.DOTALL)
SERVERS = {kind: Bind(TcpAddress("127.0.0.1", port)) for kind, port in (("dns", 5354), ("https", 8443), ("http", 8480))}


def describe(actor):
    if isinstance(actor, Supervisor):
        return actor.strategy.value
    if isinstance(actor, Pool):
        return "pool, counted for each member"
    return type(actor).__name__


def draw(system, path, depth=0):
    cell = system.cell(path)
    name = path.rpartition("/")[2]
    yield f"{'  ' * depth}{name:<{max(1, 30 - 2 * depth)}} {describe(cell.actor)}"
    for child in cell.children.values():
        yield from draw(system, child.path, depth + 1)


def picture():
    lines = []

    async def scenario(world):
        hub, owner = world.machine("hub"), world.machine("owner")
        known = await hub.boot()
        node = await owner.boot(bootstrap=(hub.address_of(known),), mdns=True, **SERVERS)
        while not any(status.sessions for status in await node.peers.snapshot()):
            await trio.sleep(0.01)
        await node.naming.register("byronwade")
        await node.tunnels.expose(TunnelSpec(target=TcpAddress("127.0.0.1", 3000), name=None))
        listen = TcpAddress("127.0.0.1", 8080)
        await node.tunnels.forward(ForwardSpec(destination="alice.local", port=80, listen=listen))
        lines.extend(draw(node.system, "node"))
        lines.append("")
        peer = known.peers.us.short
        lines[:] = [line.replace(peer, "<peer>".ljust(len(peer))) for line in lines]

    run_world(1, scenario)
    return "\n".join(lines)


def test_the_picture_in_the_documentation_is_the_tree_that_runs():
    text, drawn = DOCUMENT.read_text(), picture()
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(BLOCK.sub(lambda match: match[1] + drawn + match[3], text))
        text = DOCUMENT.read_text()
    found = BLOCK.search(text)
    assert found is not None
    assert found[2] == drawn


@pytest.mark.parametrize("address", ["/ip4/1.2.3.4/udp/1", "/dns4/example.org/tcp/1"])
def test_an_address_that_cannot_be_listened_at_is_refused_before_anything_runs(address):
    async def scenario(world):
        with pytest.raises(InvalidValue, match="listened"):
            await world.machine("a").boot(listen=(Multiaddr.parse(address),))

    run_world(1, scenario)


def test_no_tunnel_leads_to_a_listener_of_a_name():
    """A visitor would be taken for a program of this machine, and let in where this machine is."""

    async def scenario(world):
        machine = world.machine("a")
        machine.host.uid = 0  # so that each name has a listener of its own
        node = await machine.boot(http=Bind(TcpAddress("127.0.0.1", 80)))
        await node.naming.register("beta")
        listener = TcpAddress((await node.ingress.locate("beta")).address, 80)
        assert listener.ip.startswith("127.77.")
        async with machine.program() as program:
            (await program.connect(listener)).abort()  # it does listen there
        with pytest.raises(NotAllowed):
            await node.tunnels.expose(TunnelSpec(target=listener))
        with pytest.raises(NotAllowed):
            await node.tunnels.expose(TunnelSpec(target=TcpAddress("127.77.3.4", 80)))  # and might do so here

    run_world(1, scenario)


def test_a_visitor_that_holds_all_it_can_get_leaves_the_owner_descriptors():
    async def scenario(world):
        one, two = world.machine("owner"), world.machine("visitor")
        one.descriptors = 64

        async def app(stream):
            await stream.read()

        owner, visitor = await one.boot(), await two.boot()
        async with one.program() as service:
            service.serve(TcpAddress("127.0.0.1", 3000), app)
            await owner.tunnels.expose(TunnelSpec(target=TcpAddress("127.0.0.1", 3000)))
            await visitor.peers.connect(one.address_of(owner))
            most = 64 * 3 // 10
            for _ in range(most):
                await visitor.tunnels.open(owner.peers.us, 80)
            with pytest.raises(ResourceExhausted):
                await visitor.tunnels.open(owner.peers.us, 80)
            assert (await owner.tunnels.list())[0].traffic.live == most
            for _ in range(16):  # nobody else is in their way
                await owner.tunnels.open(owner.peers.us, 80)

    run_world(1, scenario)


def crash_and_look(path):
    """Crash one actor of a living node; the incarnations that changed, by path."""
    changed = {}

    async def scenario(world):
        hub, owner = world.machine("hub"), world.machine("owner")
        known = await hub.boot()
        node = await owner.boot(bootstrap=(hub.address_of(known),))
        while not any(status.sessions for status in await node.peers.snapshot()):
            await trio.sleep(0.01)
        await node.naming.register("byronwade")
        await trio.sleep(5)
        before = flatten(node.system.tree())
        node.system.ref(path).crash(RuntimeError("as asked"))
        await trio.sleep(5)
        after = flatten(node.system.tree())
        changed.update({p: after[p] for p in before if p in after and after[p] != before[p]})
        assert (await node.naming.resolve("byronwade.local")).source == "own"
        assert any(status.sessions for status in await node.peers.snapshot())

    run_world(2, scenario)
    return changed


def flatten(snapshot):
    found = {snapshot.path: snapshot.incarnation}
    for child in snapshot.children:
        found |= flatten(child)
    return found


SERVICES = "node/core/services"


@pytest.mark.parametrize(
    "path",
    [
        f"{SERVICES}/network/listeners",
        f"{SERVICES}/network/manager",
        f"{SERVICES}/network/inquirer",
        f"{SERVICES}/registry",
        f"{SERVICES}/spread",
        f"{SERVICES}/lookups",
        f"{SERVICES}/names/byronwade",
        f"{SERVICES}/tunnels/acceptor",
        f"{SERVICES}/forwards/list",
        f"{SERVICES}/ingress/resolver",
        "node/control",
    ],
)
def test_a_crash_changes_no_incarnation_but_its_own(path):
    assert crash_and_look(path) == {path: 2}


def test_a_crash_of_the_pump_restarts_the_services_and_not_the_store():
    changed = crash_and_look("node/core/pump")
    assert changed["node/core/pump"] == 2
    assert changed[SERVICES] == 2
    assert "node/core/store" not in changed
    assert "node/control" not in changed


def test_a_crash_of_the_store_restarts_the_core_and_not_control():
    changed = crash_and_look("node/core/store")
    assert {"node/core/store", "node/core/pump", SERVICES} <= set(changed)
    assert "node/core" not in changed
    assert "node/control" not in changed
