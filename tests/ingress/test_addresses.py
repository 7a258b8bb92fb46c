import ipaddress

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.ingress.addresses import NETWORK, TABLE, AddressBook, Allocation
from beam_actors.ingress.messages import ServerStarted
from beam_actors.ports import Change
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from tests.ingress.resolving import Node, look_up
from tests.ingress.rig import OWNER, PEER, FakeNames


def test_ten_thousand_names_have_ten_thousand_addresses():
    book = AddressBook(60_000)
    ips = {book.allocate(f"name-{number}").ip for number in range(10_000)}
    assert len(ips) == 10_000  # their hashes alone would collide some 740 times
    assert all(ipaddress.ip_address(ip) in NETWORK for ip in ips)
    assert not ips & {"127.77.0.0", "127.77.255.255"}


def test_an_address_is_remembered():
    book = AddressBook(100)
    first = book.allocate("byronwade")
    [change] = first.changes
    assert (change.table, change.key) == (TABLE, b"byronwade")
    assert book.allocate("byronwade").changes == ()
    again, damaged = AddressBook.load([(change.key, change.value)], 100)
    assert damaged == ()
    assert again.find("byronwade") == first.ip
    assert again.find("unknown") is None


def test_a_lost_store_gives_the_same_address_when_it_is_free():
    assert AddressBook(100).allocate("byronwade").ip == AddressBook(100).allocate("byronwade").ip


@given(st.lists(st.integers(0, 12).map(str), max_size=40))
def test_no_two_names_share_an_address_and_the_store_holds_what_the_book_does(names):
    book, store = AddressBook(5), {}
    for name in names:
        allocation = book.allocate(name)
        for change in allocation.changes:
            if change.value is None:
                del store[change.key]
            else:
                store[change.key] = change.value
        assert len(set(store.values())) == len(store) == len(book) <= 5
        assert AddressBook.load(store.items(), 5)[0].find(name) == allocation.ip
    recent = list(dict.fromkeys(reversed(names)))[:5]
    assert set(store) == {name.encode() for name in recent}  # the least recently asked for made room


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"a", b"\x7f\x4d\x01"),
        (b"a", b"\x7f\x4e\x01\x01"),
        (b"a", b"\x7f\x4d\x00\x00"),
        (b"\xff", b"\x7f\x4d\x01\x01"),
    ],
)
def test_a_damaged_row_costs_only_itself(key, value):
    good = (b"good", b"\x7f\x4d\x02\x02")
    for records in ([(key, value), good], [good, (key, value)]):
        book, damaged = AddressBook.load(records, 100)
        assert book.find("good") == "127.77.2.2"
        assert damaged == (Change(TABLE, key, None),)
        assert len(book) == 1


def test_a_name_moves_to_another_free_address_which_is_stored():
    book = AddressBook(100)
    first = ipaddress.ip_address(book.allocate("a").ip)
    book.move("a", "127.77.255.254")
    book.allocate("b")
    assert book.others("127.77.255.253", 2) == ["127.77.0.1", "127.77.0.2"]  # the last one is taken, and it goes round
    moved = book.move("a", str(first))
    assert moved == Allocation(str(first), (Change(TABLE, b"a", first.packed),))
    assert book.find("a") == str(first)
    assert book.move("b", str(first)) is None
    assert book.others("127.77.255.253", 1) == ["127.77.255.254"]


def test_of_two_names_with_one_address_the_first_keeps_it():
    shared = b"\x7f\x4d\x01\x01"
    book, damaged = AddressBook.load([(b"a", shared), (b"b", shared), (b"c", b"\x7f\x4d\x01\x02")], 100)
    assert (book.find("a"), book.find("b"), book.find("c")) == ("127.77.1.1", None, "127.77.1.2")
    assert damaged == (Change(TABLE, b"b", None),)
    assert book.allocate("b").ip not in {"127.77.1.1", "127.77.1.2"}


@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=4) | st.just(b"\x7f\x4d\x01\x01")), max_size=20))
def test_whatever_is_stored_no_two_names_share_an_address(records):
    rows = dict(records)
    book, damaged = AddressBook.load(rows.items(), 100)
    kept = rows.keys() - {change.key for change in damaged}
    ips = [book.find(key.decode()) for key in kept]
    assert len(set(ips)) == len(kept) == len(book)
    assert None not in ips


# --- as the resolver gives them to names ------------------------------------------------------------------------------


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
