import ipaddress
from contextlib import asynccontextmanager

import pytest
import trio

from beam_actors.errors import NameContested, NameNotFound, PeerOffline, ResourceExhausted, StorageError, TimedOut
from beam_actors.ingress.addresses import TABLE, AddressBook
from beam_actors.ingress.answers import Located
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import FindDevice, Forget, Lookup, Serve, Served, ServerStarted, Unserve, WhereBound
from beam_actors.ingress.resolver import CONTESTED, Resolver
from beam_actors.naming.messages import Changed
from beam_actors.ports import Change
from beam_actors.runtime import Actor, receives
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name, TcpAddress
from tests.ingress.rig import OWNER, PEER, FakeNames, Resolution, running
from tests.naming.builders import claim, revocation


class Server(Actor):
    """A web server that may or may not bind more addresses."""

    def __init__(self, *, may_bind, told, taken):
        super().__init__()
        self.taken = taken
        self.may_bind = may_bind
        self.told = told

    @receives(Serve)
    def on_serve(self, message):
        self.told.append(message.ip)
        return Served.TAKEN if self.taken(message.ip) else Served.YES if self.may_bind else Served.NO

    @receives(Unserve)
    def on_unserve(self, message):
        pass

    @receives(WhereBound)
    def on_where(self, _message):
        return TcpAddress("127.0.0.1", 8443)


class Dns(Actor):
    """A DNS server that keeps what it is told to forget."""

    def __init__(self, forgotten):
        super().__init__()
        self.forgotten = forgotten

    @receives(Forget)
    def on_forget(self, message):
        self.forgotten.append(message.labels)


class Lan(Actor):
    """Devices that answer: by label, after how many seconds, if it was asked in time."""

    def __init__(self, found, asked):
        super().__init__()
        self.found, self.asked = found, asked

    @receives(FindDevice)
    def on_find(self, message):
        self.asked.append((message.label, message.patient))
        self.spawn(self._answer, message.label, message.patient, self.defer())

    async def _answer(self, label, patient, reply):
        await trio.sleep(0.2)
        found = self.found.get(label)
        slow = isinstance(found, tuple)  # it answers those only who wait longer
        reply.set(found[0] if slow and patient else None if slow else found)


class Node:
    def __init__(self, names, *, disk=None, shared=None, https=True, http=True, limits=None, lan=None):
        self.lan, self.asked = lan, []
        self.names, self.disk, self.shared, self.limits = names, disk or MemoryDisk(), shared, limits
        self.may_bind = {"https": https, "http": http}
        self.told = {"https": [], "http": []}
        self.taken = {"https": set(), "http": set()}  # by another program
        self.forgotten = []

    @asynccontextmanager
    async def run(self):
        self.store = await MemoryStore.open(self.disk)

        def server(kind):
            def taken(ip):
                return ip in self.taken[kind] or "all" in self.taken[kind]

            return lambda _system: Server(may_bind=self.may_bind[kind], told=self.told[kind], taken=taken)

        def resolver(system):
            servers = {kind: system.ref(f"node/{kind}") for kind in self.may_bind}
            dns = system.ref("node/dns")
            return Resolver(
                self.names,
                self.store,
                SimClock(),
                servers=servers,
                dns=dns,
                devices=None if self.lan is None else system.ref("node/lan"),
                shared=self.shared,
                limits=self.limits,
            )

        lan = {} if self.lan is None else {"lan": lambda _system: Lan(self.lan, self.asked)}

        def dns(_system):
            return Dns(self.forgotten)

        async with running(https=server("https"), http=server("http"), dns=dns, resolver=resolver, **lan) as system:
            yield system

    async def stored(self):
        """The names whose addresses are remembered."""
        return {key for key, _value in await self.store.scan(TABLE)}


async def look_up(system, text, *, mdns=False):
    return await system.ref("node/resolver").ask(Lookup(text, mdns), timeout=30)


async def test_a_name_gets_an_address_of_its_own_which_is_remembered(autojump_clock):
    disk = MemoryDisk()
    node = Node(FakeNames("a", "b"), disk=disk)
    async with node.run() as system:
        a, b = await look_up(system, "a"), await look_up(system, "b")
        assert a.address.startswith("127.77.")
        assert a.address != b.address
        assert a.facts == (f"owner={OWNER}", f"peer={PEER}")
        assert await look_up(system, "a") == a
        assert node.told["https"] == node.told["http"] == [a.address, b.address, a.address]
        assert await node.stored() == {b"a", b"b"}
    used = disk.used
    again = Node(FakeNames("b", "a"), disk=disk)
    async with again.run() as system:
        assert (await look_up(system, "b")).address == b.address
        assert (await look_up(system, "a")).address == a.address
    assert disk.used == used  # nothing more was written


@pytest.mark.parametrize(("https", "http"), [(False, False), (False, True), (True, False)])
async def test_without_privileges_all_names_share_the_servers_address(autojump_clock, https, http):
    node = Node(FakeNames("a"), https=https, http=http)
    async with node.run() as system:
        assert (await look_up(system, "a")).address == "127.0.0.1"


def after(ip, step):
    return str(ipaddress.IPv4Address(ip) + step)


@pytest.mark.parametrize("kind", ["https", "http"])
async def test_a_name_whose_address_another_program_has_moves_to_the_next_for_good(autojump_clock, kind):
    """The daemon of another home of this machine chooses the same address for it."""
    first = AddressBook(10).allocate("a").ip
    node = Node(FakeNames("a", "b"))
    node.taken[kind] = {first, after(first, 1)}
    async with node.run() as system:
        assert (await look_up(system, "a")).address == after(first, 2)
        assert (await look_up(system, "b")).address == AddressBook(10).allocate("b").ip
        node.taken[kind].clear()
        assert (await look_up(system, "a")).address == after(first, 2)
    again = Node(FakeNames("a"), disk=node.disk)
    async with again.run() as system:
        assert (await look_up(system, "a")).address == after(first, 2)


async def test_an_address_that_is_taken_for_a_moment_stays_a_names(autojump_clock):
    """A server's own listener of before is on its way out."""
    ip = AddressBook(10).allocate("a").ip
    node = Node(FakeNames("a"))
    node.taken["http"] = {ip}
    async with node.run() as system, trio.open_nursery() as nursery:
        nursery.start_soon(free_later, node.taken["http"], ip)
        assert (await look_up(system, "a")).address == ip
        node.taken["http"] = {ip}
        assert (await look_up(system, "a")).address == "127.0.0.1"  # it led there in this run, and does again
        node.taken["http"] = set()
        assert (await look_up(system, "a")).address == ip


async def free_later(taken, ip):
    await trio.sleep(0.15)
    taken.discard(ip)


async def test_where_somebody_has_every_address_none_is_tried_again_before_a_server_restarts(autojump_clock):
    node = Node(FakeNames("a", "b"))
    node.taken["https"] = {"all"}
    async with node.run() as system:
        assert (await look_up(system, "a")).address == "127.0.0.1"
        tried = set(node.told["https"])
        assert len(tried) == 5
        assert (await look_up(system, "b")).address == "127.0.0.1"
        assert len(set(node.told["https"]) - tried) == 1
        node.taken["https"] = set()
        system.ref("node/resolver").tell(ServerStarted("https"))
        assert (await look_up(system, "a")).address == AddressBook(10).allocate("a").ip


async def test_an_address_that_a_person_chose_is_every_names(autojump_clock):
    node = Node(FakeNames("a"), shared="127.0.0.9")
    async with node.run() as system:
        assert (await look_up(system, "a")).address == "127.0.0.9"
        assert await node.stored() == set()
    assert node.told == {"https": [], "http": []}


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


async def test_a_disk_that_refuses_costs_only_the_memory_of_an_address(autojump_clock):
    node = Node(FakeNames("a"))
    async with node.run() as system:
        node.disk.capacity = 0
        assert (await look_up(system, "a")).address.startswith("127.77.")


async def damaged_table():
    """A disk with a row that can't be read, and two names with one address."""
    disk, shared = MemoryDisk(), b"\x7f\x4d\x01\x01"
    store = await MemoryStore.open(disk)
    await store.commit([Change(TABLE, key, value) for key, value in ((b"a", b"junk"), (b"b", shared), (b"c", shared))])
    return disk


async def test_a_damaged_row_is_made_anew_and_costs_no_other(autojump_clock):
    disk = await damaged_table()
    node = Node(FakeNames("a", "b", "c"), disk=disk)
    async with node.run() as system:
        assert await node.stored() == {b"b"}
        assert (await look_up(system, "a")).address.startswith("127.77.")
        assert (await look_up(system, "b")).address == "127.77.1.1"
        assert (await look_up(system, "c")).address != "127.77.1.1"
        assert await node.stored() == {b"a", b"b", b"c"}


async def test_a_damaged_row_that_the_full_disk_keeps_stops_nobody(autojump_clock):
    disk = await damaged_table()
    disk.capacity = disk.used
    node = Node(FakeNames("b"), disk=disk)
    async with node.run() as system:
        assert (await look_up(system, "b")).address == "127.77.1.1"
        assert await node.stored() == {b"a", b"b", b"c"}
        assert system.ref("node/resolver").incarnation == 1


async def test_a_server_that_restarts_is_told_its_addresses(autojump_clock):
    node = Node(FakeNames("a", "b"))
    async with node.run() as system:
        ips = [(await look_up(system, text)).address for text in "ab"]
        node.told["https"].clear()
        system.ref("node/resolver").tell(ServerStarted("https"))
        await trio.testing.wait_all_tasks_blocked()
        assert node.told["https"] == ips


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


PRINTER = Located("192.168.1.9", ("source=mdns",), device=True)


def known_as(source):
    return Resolution(OWNER, (PEER,), source)


async def test_a_claim_does_not_capture_the_name_of_a_device(autojump_clock):
    names = FakeNames("claimed", fought=NameContested("Several hold it."))
    lan = dict.fromkeys(("printer", "claimed", "fought", "remote"), "192.168.1.9")
    names.known["remote"] = known_as("registry")
    names.remote.add("remote")
    node = Node(names, lan=lan)
    async with node.run() as system:
        for text in lan:
            assert await look_up(system, text, mdns=True) == PRINTER
        assert node.asked == [(text, False) for text in lan]  # a quick device is not even told to peers
        assert "printer" not in names.asked
        assert not await node.stored()  # no address of this machine is spent on them
        for text in ("claimed", "fought", "remote"):  # by `.localhost`, or the full form, no device is meant
            assert not (await look_up(system, text)).device
        with pytest.raises(NameNotFound):
            await look_up(system, "printer")
        assert len(node.asked) == len(lan)


async def test_a_device_changes_nothing_for_what_a_person_owns_or_bound(autojump_clock):
    sources = {"own": "mine", "petname": "anna", "pin": "held"}
    names = FakeNames(**{text: known_as(source) for source, text in sources.items()})
    node = Node(names, lan=dict.fromkeys(sources.values(), "192.168.1.9"))
    async with node.run() as system:
        for text in sources.values():
            assert not (await look_up(system, text, mdns=True)).device
    assert node.asked == []


async def test_a_slow_device_goes_before_what_peers_say(autojump_clock):
    names = FakeNames("far", delay=5)
    names.remote.add("far")
    node = Node(names, lan={"far": ("192.168.1.9",), "nobody": ("192.168.1.9",)})
    async with node.run() as system:
        for text in ("far", "nobody"):
            assert await look_up(system, text, mdns=True) == PRINTER


async def test_what_a_person_bound_falls_to_no_device_when_its_owner_is_gone(autojump_clock):
    names = FakeNames()
    names.decided |= {"held", "anna"}
    node = Node(names, lan=dict.fromkeys(("held", "anna"), "192.168.1.66"))
    async with node.run() as system:
        for text in ("held", "anna"):
            with pytest.raises(NameNotFound):
                await look_up(system, text, mdns=True)
    assert node.asked == []  # and a petname is told to nobody


async def test_a_silent_lan_changes_nothing(autojump_clock):
    names = FakeNames("a", b=NameContested("Several hold it."))
    names.known["far"] = known_as("registry")
    names.remote.add("far")
    for lan in ({}, None):
        node = Node(names, lan=lan)
        async with node.run() as system:
            for text in ("a", "b", "far"):
                found = await look_up(system, text, mdns=True)
                assert found.address.startswith("127.77.")
            with pytest.raises(NameNotFound):
                await look_up(system, "nobody", mdns=True)
