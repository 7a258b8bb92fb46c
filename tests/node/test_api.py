from types import SimpleNamespace

import attrs
import pytest
import trio

from beam_actors.control import ExposeRequest
from beam_actors.errors import (
    ActorUnavailable,
    NameNotFound,
    NameTaken,
    NotAllowed,
    PeerNotKept,
    PeerOffline,
    UsageError,
)
from beam_actors.identity import REVOCATION_ERA
from beam_actors.naming import Claim
from beam_actors.node.keys import PHRASE
from beam_actors.testing.files import SimFiles
from beam_actors.testing.world import run_world
from beam_actors.values import Multiaddr, OwnerId, PeerId, TcpAddress
from simulations.owning import chain_of, open_era
from tests.node.pairs import APP, with_two_nodes


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


def test_a_machine_whose_key_was_replaced_elsewhere_says_so_of_its_names_and_tunnels():
    async def scenario(world):
        laptop, phone = world.machine("laptop"), world.machine("phone")
        first = await laptop.boot()
        await first.api.register("both", contest=False)
        SimFiles(phone.disk).write(PHRASE, SimFiles(laptop.disk).read(PHRASE))
        node = await phone.boot()
        await node.api.connect(laptop.address_of(first))
        await trio.sleep(1)
        for name, port in (("site", 3000), ("both", 3001)):
            await node.api.expose(ExposeRequest(target=TcpAddress("127.0.0.1", port), name=name))
        assert {(row.yours, row.replaced_by_era) for row in await node.api.tunnels()} == {(True, None)}
        await laptop.shutdown()
        await open_era(laptop)
        await node.api.connect(laptop.address_of(await laptop.boot()))
        await trio.sleep(90)
        assert [(event.what, event.name, event.era) for event in await node.api.events(0)] == [
            ("rotated", "both.local", 1),
            ("left-behind", "site.local", 1),
        ]
        assert {(row.yours, row.replaced_by_era) for row in await node.api.tunnels()} == {(False, 1)}
        assert (await node.api.id()).replaced_by_era == (await node.api.status()).replaced_by_era == 1
        rows = {row.name: row for row in await node.api.names()}
        assert {name: (row.replaced_by_era, row.url) for name, row in rows.items()} == {
            "both": (1, "https://both.local"),
            "site": (1, None),
        }
        gone = await node.api.unexpose("site.http")
        assert (gone.yours, gone.replaced_by_era) == (False, 1)

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


async def silence():
    await trio.sleep_forever()


async def failure():
    raise ActorUnavailable("The registry is restarting.")


@pytest.mark.parametrize("answer", [silence, failure])
def test_tunnels_and_the_node_are_told_of_while_the_registry_says_nothing(answer):
    """As though the owner's key were good, and each name the owner's."""

    async def scenario(world):
        node = await world.machine("alone").boot()
        await node.api.expose(ExposeRequest(target=APP, name="site"))
        node.api._naming = node.api._offering._naming = SimpleNamespace(names=answer, owner_state=answer)
        began = trio.current_time()
        assert [(row.yours, row.replaced_by_era) for row in await node.api.tunnels()] == [(True, None)]
        found = await node.api.id()
        assert (found.revoked, found.replaced_by_era) == (False, None)
        assert trio.current_time() - began < 3

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


def test_who_is_disconnected_is_listed_no_more_and_can_be_reached():
    async def check(owner, visitor):
        of_owner, of_visitor = PeerId.parse((await owner.id()).peer_id), PeerId.parse((await visitor.id()).peer_id)
        assert [row.kept for row in (*await visitor.peers(), *await owner.peers())] == [True, False]
        with pytest.raises(PeerNotKept):
            await owner.disconnect(of_visitor)  # which came
        done = await visitor.disconnect(of_owner)
        assert (done.peer_id, done.sessions, done.bootstrap) == (str(of_owner), 1, False)
        await trio.sleep(60)
        assert (await visitor.peers(), await owner.peers()) == ((), ())
        assert (await visitor.ping(str(of_owner))).rtt_ms > 0

    with_two_nodes(check)


def test_a_peer_that_was_not_found_is_not_listed():
    async def check(owner, visitor):
        nobody = PeerId(bytes([42]) * 32)
        with pytest.raises(PeerOffline):
            await owner.connect(Multiaddr.from_address(TcpAddress("10.0.0.2", 9), nobody))
        assert [row.peer_id for row in await owner.peers()] == [(await visitor.id()).peer_id]

    with_two_nodes(check)
