import attrs
import pytest
import trio

from beam_actors.control import ExposeRequest, ForwardRequest, TraceRequest
from beam_actors.errors import (
    ActorNotFound,
    NameNotFound,
    NameTaken,
    NotAllowed,
    PeerOffline,
    TunnelNotFound,
    UsageError,
)
from beam_actors.identity import REVOCATION_ERA
from beam_actors.naming import Claim
from beam_actors.node.keys import PHRASE
from beam_actors.testing.files import SimFiles
from beam_actors.testing.world import run_world
from beam_actors.values import Multiaddr, OwnerId, PeerId, TcpAddress
from simulations.owning import chain_of

APP = TcpAddress("127.0.0.1", 3000)


def with_two_nodes(check, **choices):
    """Run `check(api of the owner, api of the visitor, world)` with both connected."""

    async def scenario(world):
        one, two = world.machine("owner"), world.machine("visitor")
        owner, visitor = await one.boot(**choices), await two.boot()
        await visitor.api.connect(one.address_of(owner))
        await trio.sleep(1)  # both sides have told everybody
        await check(owner.api, visitor.api)

    run_world(3, scenario)


async def eventually(probe):
    with trio.fail_after(10):
        while not await probe():
            await trio.sleep(0.01)


def test_who_and_where():
    async def check(owner, visitor):
        identity = await owner.id()
        ports = [f"/ip4/{ip}/tcp/4747/p2p/{identity.peer_id}" for ip in ("10.0.0.1", "127.0.0.1")]
        assert identity.addresses == tuple(ports)
        status = await visitor.status()
        assert (status.peers, status.tunnels, status.names, status.dns) == (1, 0, 0, None)
        (row,) = await visitor.peers()
        assert (row.peer_id, row.state, row.path) == (identity.peer_id, "up", "direct")
        ping = await visitor.ping(identity.peer_id)
        assert ping.rtt_ms >= 2
        with pytest.raises(UsageError, match="itself"):
            await owner.ping(identity.peer_id)

    with_two_nodes(check)


def test_a_name_registered_here_resolves_there():
    async def check(owner, visitor):
        done = await owner.register("byronwade.local", contest=False)
        assert (done.name, done.full, done.told, done.url) == ("byronwade", "byronwade.local", 1, None)

        async def known():
            try:
                return await visitor.resolve("byronwade.local")
            except NameNotFound:
                return None

        await eventually(known)
        found = await visitor.resolve("byronwade")
        assert (found.owner, found.source, found.address) == (done.owner, "registry", None)
        pinned = await visitor.pin("byronwade", None)
        assert pinned.source == "pin"
        assert [row.relation for row in await visitor.names()] == ["pin"]
        await visitor.unpin("byronwade")
        assert await visitor.names() == ()
        meant = await visitor.petname("byron", "byronwade")
        assert (meant.name, meant.owner, meant.source) == ("byronwade.local", done.owner, "petname")
        (row,) = await visitor.names()
        assert (row.full, row.relation, row.target) == ("byron.local", "petname", "byronwade.local")
        await visitor.forget_petname("byron")
        nobody = "a" * 52
        later = await visitor.petname("byron", f"unknown.{nobody}")  # whoever that is, when they come
        assert (later.name, later.owner, later.peer_ids, later.source) == ("unknown.local", nobody, (), "petname")
        await visitor.forget_petname("byron")
        assert await visitor.names() == ()
        await owner.release("byronwade")
        assert await owner.names() == ()

    with_two_nodes(check)


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
        with pytest.raises(TunnelNotFound):
            await visitor.unforward("site.local:22")

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


def test_crash_is_refused_unless_the_daemon_was_started_for_it():
    async def check(owner, visitor):
        with pytest.raises(NotAllowed, match="--chaos"):
            await visitor.crash("node/control")
        with pytest.raises(ActorNotFound):
            await owner.crash("node/nobody")
        await owner.crash("node/core/services/registry")
        await trio.sleep(1)
        registry = find((await owner.tree()).root, "node/core/services/registry")
        assert registry.incarnation == 2
        assert "beam crash" in registry.last_exit

    with_two_nodes(check, chaos=True)


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


def find(node, path):
    if node.path == path:
        return node
    return next((found for child in node.children if (found := find(child, path))), None)


def test_the_names_of_the_revoked_are_shown_as_that_until_they_are_let_go():
    async def scenario(world):
        machine = world.machine("alone")
        api = (await machine.boot()).api
        await api.expose(ExposeRequest(target=APP, name="site"))
        (before,) = await api.names()
        assert (before.revoked, before.url) == (False, "https://site.local")
        assert not (await api.id()).revoked
        key = chain_of(machine).era_key(REVOCATION_ERA)
        await api.revoke(Claim.revoke((await api.status()).network, key).encoded)
        assert (await api.id()).revoked
        assert (await api.status()).revoked
        (row,) = await api.names()
        assert (row.revoked, row.url, row.expires_in_s) == (True, None, None)
        assert [tunnel.yours for tunnel in await api.tunnels()] == [False]
        assert not (await api.unexpose("site.http")).yours
        assert await api.release("site") is False
        assert await api.names() == ()

    run_world(1, scenario)


async def siblings(world):
    """The APIs of two machines of one owner: the second one begins with the recovery phrase of the first."""
    laptop, phone = world.machine("laptop"), world.machine("phone")
    first = await laptop.boot()
    SimFiles(phone.disk).write(PHRASE, SimFiles(laptop.disk).read(PHRASE))
    second = await phone.boot()
    await second.api.connect(laptop.address_of(first))
    await trio.sleep(1)
    return first.api, second.api


def test_the_names_that_another_machine_of_the_owner_keeps_are_told_apart():
    async def scenario(world):
        laptop, phone = await siblings(world)
        await laptop.expose(ExposeRequest(target=APP, name="site"))
        await laptop.register("both", contest=False)
        await trio.sleep(1)
        await phone.register("both", contest=False)
        rows = {row.name: row for row in await phone.names()}
        assert {name: (row.relation, row.here, row.url) for name, row in rows.items()} == {
            "both": ("own", True, None),
            "site": ("own", False, "https://site.local"),
        }
        assert rows["site"].peer_ids == ((await laptop.id()).peer_id,)
        await phone.pin("site", None)
        (row,) = [row for row in await phone.names() if row.name == "site"]
        assert (row.here, row.pinned_by, row.url) == (False, "command", "https://site.local")
        await phone.release("site")
        assert [row.name for row in await phone.names()] == ["both"]

    run_world(1, scenario)


def test_a_petname_says_which_name_of_another_machine_of_the_owner_it_hides():
    async def scenario(world):
        laptop, phone = await siblings(world)
        await laptop.register("site", contest=False)
        await trio.sleep(1)
        owner = (await laptop.id()).owner
        nobody = OwnerId(bytes(32))
        hides = await phone.petname("site", f"garden.{nobody}")
        assert (hides.covers, hides.covers_own) == ((), f"site.{owner}.local")
        same = await phone.petname("site", f"site.{owner}")
        assert (same.covers, same.covers_own) == ((), None)

    run_world(1, scenario)


def test_a_name_is_given_up_only_when_nothing_is_offered_under_it():
    async def scenario(world):
        node = await world.machine("alone").boot()
        api = node.api
        await api.expose(ExposeRequest(target=APP, name="site"))
        await api.pin("site", None)
        with pytest.raises(NotAllowed, match=r"site\.http is still offered under site"):
            await api.release("site")
        await api.unexpose("site.http")
        await api.release("site")
        assert await api.names() == ()

    run_world(1, scenario)


def test_an_own_name_that_is_pinned_too_is_one_row():
    async def scenario(world):
        node = await world.machine("alone").boot()
        await node.api.register("site", contest=False)
        (before,) = await node.api.names()
        assert before.pinned_by is None
        await node.api.pin("site", None)
        (row,) = await node.api.names()
        assert row == attrs.evolve(before, pinned_by="command", expires_in_s=row.expires_in_s)
        await node.api.unpin("site")
        (row,) = await node.api.names()
        assert row.pinned_by is None

    run_world(1, scenario)


def test_a_tunnel_whose_name_went_says_so():
    async def scenario(world):
        node = await world.machine("alone").boot()
        await node.api.expose(ExposeRequest(target=APP, name="site"))
        await node.api.expose(ExposeRequest(target=TcpAddress("127.0.0.1", 3001)))
        assert [row.yours for row in await node.api.tunnels()] == [True, True]
        await node.naming.release("site")  # as a transfer would, which asks nobody what is offered
        assert {row.name: row.yours for row in await node.api.tunnels()} == {"site": False, None: True}

    run_world(1, scenario)


def test_tunnels_are_listed_while_the_registry_says_nothing():
    async def scenario(world):
        node = await world.machine("alone").boot()
        await node.api.expose(ExposeRequest(target=APP, name="site"))

        class Silent:
            async def names(self):
                await trio.sleep_forever()

        node.api._offering._naming = Silent()
        began = trio.current_time()
        assert [row.yours for row in await node.api.tunnels()] == [True]
        assert trio.current_time() - began < 2

    run_world(1, scenario)


def test_a_contested_name_lists_its_choices():
    async def check(owner, visitor):
        await owner.register("both", contest=False)
        await visitor.register("both", contest=True)
        await eventually(owner.conflicts)
        (conflict,) = await owner.conflicts()
        assert {choice.owner for choice in conflict.choices} == {(await owner.id()).owner, (await visitor.id()).owner}
        assert conflict.settled_by == "own"
        mine, theirs = sorted(conflict.choices, key=lambda choice: choice.used, reverse=True)
        assert (theirs.relation, theirs.used, mine.relation, mine.used) == ("other", False, "own", True)
        assert (await owner.resolve(theirs.always)).owner == theirs.owner
        assert (await owner.pin("both", None)).source == "own"

    with_two_nodes(check)


def test_a_taken_name_is_offered_when_it_is_contested():
    async def check(owner, visitor):
        await owner.register("both", contest=False)
        request = ExposeRequest(target=APP, name="both")
        with pytest.raises(NameTaken, match="--contest"):
            await visitor.expose(request)
        await visitor.pin("both", None)
        assert [row.url for row in await visitor.names()] == ["https://both.local"]
        assert (await visitor.expose(attrs.evolve(request, contest=True))).name == "both"
        rows = {row.relation: row.url for row in await visitor.names()}
        assert rows == {"own": "https://both.local", "pin": None}

    with_two_nodes(check)


def test_a_peer_that_was_not_found_is_not_listed():
    async def check(owner, visitor):
        nobody = PeerId(bytes([42]) * 32)
        with pytest.raises(PeerOffline):
            await owner.connect(Multiaddr.from_address(TcpAddress("10.0.0.2", 9), nobody))
        assert [row.peer_id for row in await owner.peers()] == [(await visitor.id()).peer_id]

    with_two_nodes(check)


def test_an_actor_is_found_by_the_end_of_its_path_if_that_is_its_alone():
    async def check(owner, visitor):
        await owner.crash("registry")
        await visitor.register("list", contest=False)
        with pytest.raises(UsageError, match="2 actors are called 'list'"):
            await visitor.trace(TraceRequest(actor="list"))
        with pytest.raises(ActorNotFound, match="beam tree"):
            await visitor.trace(TraceRequest(actor="egistry"))

    with_two_nodes(check, chaos=True)


def test_a_trace_shows_what_a_name_was_asked_for_and_no_key():
    async def check(owner, visitor):
        peer_id = (await owner.id()).peer_id
        with await owner.trace(TraceRequest(actor="registry", limit=5)) as feed:
            await owner.register("byronwade", contest=False)
            rows = [await feed.next() for _ in range(5)]
        assert {row.path for row in rows} == {feed.actor} == {"node/core/services/registry"}
        row = next(row for row in rows if row.message == "Reserve")
        assert (row.kind, row.asked, row.outcome) == ("message", True, "deferred")
        assert row.shown == "name=byronwade, contest=False, made=False"
        peer = f"node/core/services/network/peers/{peer_id[-8:]}"
        with await visitor.trace(TraceRequest(actor=peer, subtree=True)) as feed:
            await visitor.ping(peer_id)
            assert (await feed.next()).path.startswith(peer)

    with_two_nodes(check)


def test_the_tree_tells_of_bounds_and_of_the_dead():
    async def check(owner, visitor):
        tree = await owner.tree()
        registry = find(tree.root, "node/core/services/registry")
        assert registry.capacity > 0
        assert registry.exits == ()
        await owner.register("byronwade", contest=False)  # which looks for others that hold it
        await trio.sleep(2)
        (dead,) = [row for row in (await owner.tree()).dead if row.kind == "LookUp"]
        assert (dead.path, dead.reason) == ("node/core/services/lookups/byronwade", "shutdown")
        assert 1 < dead.ago_s < 3  # the look-up may end a moment before or after the registration

    with_two_nodes(check)
