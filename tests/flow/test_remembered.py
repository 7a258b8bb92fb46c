import pytest

from beam_actors.errors import StorageError
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
