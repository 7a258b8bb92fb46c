import pytest
import trio

from beam_actors.errors import NameContested, NameNotFound, PeerOffline, ResourceExhausted, StorageError, TimedOut
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import Forget, Lookup
from beam_actors.ingress.resolver import CONTESTED, Resolver
from beam_actors.naming.messages import Changed
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name
from tests.ingress.resolving import Node, look_up
from tests.ingress.rig import OWNER, FakeNames, running
from tests.naming.builders import claim, revocation


async def test_a_contested_name_has_an_address_for_its_page(autojump_clock):
    async with Node(FakeNames(a=NameContested("Two claim it."))).run() as system:
        located = await look_up(system, "a")
        assert located.facts == (CONTESTED,)
        assert located.address.startswith("127.77.")


@pytest.mark.parametrize("error", [NameNotFound("No."), PeerOffline("Away."), StorageError("Disk.")])
async def test_errors_reach_the_asker_and_crash_nobody(autojump_clock, error):
    async with Node(FakeNames(a=error)).run() as system:
        with pytest.raises(type(error)):
            await look_up(system, "a")
        assert system.ref("node/resolver").incarnation == 1


async def test_a_look_up_has_a_deadline(autojump_clock):
    async with Node(FakeNames("a", delay=60)).run() as system:
        before = trio.current_time()
        with pytest.raises(TimedOut):
            await look_up(system, "a")
        assert trio.current_time() - before == IngressLimits().lookup_seconds


async def test_questions_for_one_name_share_a_look_up(autojump_clock):
    names = FakeNames("a", delay=1)
    async with Node(names).run() as system:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(look_up, system, "a")
        assert names.asked == ["a"]
        await look_up(system, "a")
        assert names.asked == ["a", "a"]  # it caches nothing: naming and DNS do


async def outcomes_of(system, texts):
    """Ask for all at once; what each got, or the class of the error."""
    futures = [system.ref("node/resolver").ask(Lookup(text), timeout=30) for text in texts]
    outcomes = []
    for future in futures:
        try:
            outcomes.append((await future).address and "found")
        except (ResourceExhausted, NameNotFound) as error:
            outcomes.append(type(error))
    return outcomes


async def test_what_this_machine_knows_is_found_beside_a_flood_of_unknown_names(autojump_clock):
    names = FakeNames("a", "far", delay=1)
    names.remote.add("far")
    limits = IngressLimits(lookups=4, lookups_burst=1000)
    async with Node(names, limits=limits).run() as system:
        unknown = [f"x{number}" for number in range(500)]
        far = system.ref("node/resolver").ask(Lookup("far"), timeout=30)
        await trio.sleep(0.5)
        outcomes = await outcomes_of(system, [*unknown, "a"])
        assert ((await far).address and "found", outcomes[-1]) == ("found", "found")
        assert (outcomes.count(NameNotFound), outcomes.count(ResourceExhausted)) == (3, 497)
        assert len(names.asked) == 5


async def test_unknown_names_are_asked_for_at_a_rate(autojump_clock):
    names = FakeNames("a")
    limits = IngressLimits(lookups_per_second=10, lookups_burst=5)
    async with Node(names, limits=limits).run() as system:
        unknown = [f"x{number}" for number in range(100)]
        outcomes = await outcomes_of(system, [*unknown, "a"])
        assert (outcomes.count(NameNotFound), outcomes[-1]) == (5, "found")
        assert "95 refused" in repr(system.cell("node/resolver").actor)
        await trio.sleep(0.3)
        assert (await outcomes_of(system, unknown)).count(NameNotFound) == 3


async def test_look_ups_and_waiters_are_bounded(autojump_clock):
    names = FakeNames(*"abc", delay=1)
    names.remote.update("abc")
    async with Node(names, limits=IngressLimits(lookups=2, waiters=3)).run() as system:
        futures = []
        for text in "aaaabc":
            futures.append(system.ref("node/resolver").ask(Lookup(text), timeout=30))
            await trio.testing.wait_all_tasks_blocked()
        outcomes = []
        for future in futures:
            try:
                outcomes.append((await future).address)
            except ResourceExhausted:
                outcomes.append(None)
    assert [outcome is None for outcome in outcomes] == [False, False, False, True, False, True]
    assert sorted(names.asked) == ["a", "b"]


async def test_servers_that_are_gone_are_an_error_and_no_crash(autojump_clock):
    store = await MemoryStore.open(MemoryDisk())

    def resolver(system):
        return Resolver(FakeNames("a"), store, SimClock(), servers={"https": system.ref("node/none")}, shared=None)

    async with running(resolver=resolver) as system:
        with pytest.raises(ResourceExhausted):
            await look_up(system, "a")


@pytest.mark.parametrize(
    ("message", "labels"),
    [
        (Changed((claim(0), claim(1, "bob"), claim(2)), None), frozenset({"alice", "bob"})),
        (Changed((claim(0), revocation(1)), None, (Name("bob"), Name("carol"))), frozenset({"alice", "bob", "carol"})),
        (Forget(frozenset({"carol"})), frozenset({"carol"})),
    ],
)
async def test_dns_hears_whose_replies_are_void(autojump_clock, message, labels):
    node = Node(FakeNames())
    async with node.run() as system:
        system.ref("node/resolver").tell(message)
        await trio.testing.wait_all_tasks_blocked()
    assert node.forgotten == [labels]


@pytest.mark.parametrize("text", ["alice", f"alice.{OWNER}"])
@pytest.mark.parametrize("message", [Changed((claim(0),), None), Changed((revocation(1),), None, (Name("alice"),))])
async def test_what_changes_while_it_is_looked_up_is_looked_up_again(autojump_clock, text, message):
    node = Node(FakeNames(delay=1))
    async with node.run() as system, trio.open_nursery() as nursery:
        outcome = []

        async def ask():
            outcome.append(await look_up(system, text))

        nursery.start_soon(ask)
        await trio.sleep(0.5)
        system.ref("node/resolver").tell(message)
        await trio.sleep(0.25)
        node.names.known[text] = FakeNames(text).known[text]  # too late for the first look-up, which has begun
        await trio.sleep(3)
        assert outcome[0].facts[0] == f"owner={OWNER}"


async def test_another_name_that_changes_costs_nothing(autojump_clock):
    node = Node(FakeNames("carol", delay=1))
    async with node.run() as system, trio.open_nursery() as nursery:
        nursery.start_soon(look_up, system, "carol")
        await trio.sleep(0.5)
        system.ref("node/resolver").tell(Changed((claim(0),), None))
    assert node.names.asked == ["carol"]


async def test_a_name_that_keeps_changing_is_answered_all_the_same(autojump_clock):
    node = Node(FakeNames("alice", delay=0.5))
    async with node.run() as system:
        with trio.CancelScope() as spam:
            async with trio.open_nursery() as nursery:

                async def change():
                    while True:
                        system.ref("node/resolver").tell(Changed((claim(0),), None))
                        await trio.sleep(0.1)

                nursery.start_soon(change)
                assert (await look_up(system, "alice")).facts
                spam.cancel()
        assert len(node.names.asked) == 4
