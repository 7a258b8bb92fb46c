import pytest

from beam_actors.errors import AddressInUse, AddressNotPermitted, ResourceExhausted, StorageError
from beam_actors.flow import RememberedPorts
from beam_actors.flow.remembered import TABLE
from beam_actors.ports import Change
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import TcpAddress, encode_record

WEB, DNS = TcpAddress("127.0.0.1", 8443), TcpAddress("127.0.0.1", 5354)


async def test_a_port_is_known_in_the_next_run():
    disk = MemoryDisk()
    store = await MemoryStore.open(disk)
    await RememberedPorts(store).keep(WEB, 40000)
    await store.close()
    again = RememberedPorts(await MemoryStore.open(disk))
    assert [await again.get(wanted) for wanted in (WEB, DNS)] == [40000, 0]


@pytest.mark.parametrize(
    "value", [b"", b"rubbish", encode_record({"v": 2, "port": 1}), encode_record({"v": 1, "port": 0}), bytes(1000)]
)
async def test_what_cannot_be_read_is_no_port(value):
    store = await MemoryStore.open(MemoryDisk())
    await store.commit([Change(TABLE, str(WEB).encode(), value)])
    assert await RememberedPorts(store).get(WEB) == 0


class Refusing:
    """A disk that refuses everything."""

    async def get(self, table, key):
        raise StorageError("The disk is gone.")

    async def commit(self, changes):
        raise StorageError("The disk is full.")


async def test_a_disk_that_refuses_costs_the_memory_alone():
    ports = RememberedPorts(Refusing())
    await ports.keep(WEB, 40000)
    assert await ports.get(WEB) == 0


class Machine:
    """Ports of which some can't be bound; port 0 gives the next free one."""

    def __init__(self, **refused):
        self.refused = {int(port[1:]): error for port, error in refused.items()}
        self.tried = []

    def listen(self, address):
        self.tried.append(address.port)
        if address.port in self.refused:
            raise self.refused[address.port](f"{address} can't be had.")
        return TcpAddress(address.ip, address.port or next(p for p in range(40000, 50000) if p not in self.refused))


async def bound(ports, machine, wanted=WEB):
    return (await ports.bind(wanted, machine.listen, lambda got: got)).port


@pytest.fixture
async def ports():
    return RememberedPorts(await MemoryStore.open(MemoryDisk()))


async def test_what_was_wanted_is_bound_if_it_can_be_and_nothing_is_remembered(ports):
    machine = Machine()
    assert (await bound(ports, machine), machine.tried, await ports.get(WEB)) == (8443, [8443], 0)
    await ports.keep(WEB, 40007)
    assert (await bound(ports, machine), machine.tried, await ports.get(WEB)) == (8443, [8443, 8443], 40007)


@pytest.mark.parametrize("error", [AddressInUse, AddressNotPermitted])
async def test_a_port_that_cannot_be_had_gives_way_to_that_of_the_last_run_and_it_to_any(ports, error):
    machine = Machine(p8443=error)
    assert (await bound(ports, machine), machine.tried, await ports.get(WEB)) == (40000, [8443, 0], 40000)
    machine = Machine(p8443=error, p40001=error)
    assert (await bound(ports, machine), machine.tried) == (40000, [8443, 40000])
    machine = Machine(p8443=error, p40000=error)
    assert (await bound(ports, machine), machine.tried) == (40001, [8443, 40000, 0])
    assert await ports.get(WEB) == 40001


async def test_a_port_of_no_choice_is_that_of_the_last_run(ports):
    anywhere = TcpAddress("127.0.0.1", 0)
    machine = Machine()
    assert (await bound(ports, machine, anywhere), machine.tried) == (40000, [0])
    assert (await bound(ports, machine, anywhere), machine.tried) == (40000, [0, 40000])


async def test_where_no_port_will_do_the_error_is_that_of_the_last_try_and_others_are_no_reason_to_try(ports):
    machine = Machine(p8443=AddressInUse, p0=AddressNotPermitted)
    with pytest.raises(AddressNotPermitted):
        await bound(ports, machine)
    assert (machine.tried, await ports.get(WEB)) == ([8443, 0], 0)
    machine = Machine(p8443=ResourceExhausted)
    with pytest.raises(ResourceExhausted):
        await bound(ports, machine)
    assert machine.tried == [8443]
