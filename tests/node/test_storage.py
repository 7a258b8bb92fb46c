import pytest
import trio

from beam_actors.errors import StorageError
from beam_actors.node.storage import StoreActor, StoreHandle
from beam_actors.ports import Change
from beam_actors.runtime import ChildSpec, Supervisor, System
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore


def running(handle, disk):
    system = System("test", clock=trio.current_time)
    spec = ChildSpec("store", lambda: StoreActor(handle, lambda: MemoryStore.open(disk)))
    return system, system.run(ChildSpec("node", lambda: Supervisor([spec])))


async def test_the_handle_outlives_a_crash_of_the_actor(autojump_clock):
    handle, disk = StoreHandle(), MemoryDisk()
    system, run = running(handle, disk)
    async with run:
        await handle.commit([Change("t", b"k", b"v")])
        system.ref("node/store").crash(RuntimeError("as asked"))
        await trio.sleep(1)
        assert system.ref("node/store").incarnation == 2
        assert await handle.get("t", b"k") == b"v"
        assert await handle.scan("t") == [(b"k", b"v")]


async def test_without_a_database_every_call_fails_at_once(autojump_clock):
    handle = StoreHandle()
    for call in (handle.get("t", b"k"), handle.scan("t"), handle.commit([])):
        with pytest.raises(StorageError, match="opened"):
            await call
    _, run = running(handle, MemoryDisk())
    async with run:
        assert await handle.get("t", b"k") is None
    with pytest.raises(StorageError):
        await handle.get("t", b"k")


class SlowToClose(MemoryStore):
    """A database that takes a second to close."""

    async def close(self):
        await trio.sleep(1)
        await super().close()


async def test_while_a_database_is_closed_and_after_nobody_is_led_to_it(autojump_clock):
    handle, disk, opened = StoreHandle(), MemoryDisk(), []

    async def opener():
        opened.append(await SlowToClose.open(disk))
        return opened[-1]

    system = System("test", clock=trio.current_time)
    async with system.run(
        ChildSpec("node", lambda: Supervisor([ChildSpec("store", lambda: StoreActor(handle, opener))]))
    ):
        await handle.commit([Change("t", b"k", b"v")])
        system.ref("node/store").crash(RuntimeError("as asked"))
        await trio.sleep(0.5)
        with pytest.raises(StorageError, match="opened"):
            await handle.commit([Change("t", b"k", b"lost")])
        await trio.sleep(1)
        assert await handle.get("t", b"k") == b"v"
        assert len(opened) == 2
        with pytest.raises(StorageError):
            await opened[0].get("t", b"k")
