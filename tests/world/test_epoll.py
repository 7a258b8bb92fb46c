"""What the contract (tests/ports/test_network.py) can't cover: the kernel's own corners."""

import os
import resource
import socket
import stat
import struct
import time
from pathlib import Path

import pytest
import trio

from beam_actors.errors import AddressInUse, ConnectionLost, ConnectionRefused, ResourceExhausted
from beam_actors.ports import Readiness
from beam_actors.values import TcpAddress, UnixAddress
from beam_actors.world.epoll import EpollDriver

LOOPBACK = TcpAddress("127.0.0.1", 0)
READ = int(Readiness.READ)


class RealClock:
    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


@pytest.fixture
async def driver():
    driver = EpollDriver(RealClock())
    yield driver
    driver.close()


async def until(driver: EpollDriver, pollable, *, read: bool = False, write: bool = False) -> None:
    pollable.want(read=read, write=write)
    with trio.fail_after(10):
        while not any(ready is pollable for ready, _bits in await driver.wait(None)):
            pass


def in_the_folder(path: Path) -> str | None:
    """What is there: the mode of a socket, the text of a file, or nothing."""
    if not path.exists():
        return None
    status = path.stat()
    return oct(stat.S_IMODE(status.st_mode)) if stat.S_ISSOCK(status.st_mode) else path.read_text()


async def test_a_unix_listener_is_private_replaces_nothing_and_unlinks_only_its_own(
    driver, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "s"
    listener = driver.listen(UnixAddress("s"))
    assert in_the_folder(path) == "0o600"
    os.unlink(path)  # noqa: PTH108  # trio's lint knows blocking paths by their class
    other = driver.listen(UnixAddress("s"))
    listener.close()
    assert in_the_folder(path) == "0o600"  # it is the other one's now
    other.close()
    assert in_the_folder(path) is None
    os.symlink("elsewhere", path)  # noqa: PTH211  # as above
    with pytest.raises(AddressInUse):
        driver.listen(UnixAddress("s"))
    os.unlink(path)  # noqa: PTH108  # as above
    os.mkdir(path)  # noqa: PTH102  # as above
    with pytest.raises(AddressInUse):
        driver.listen(UnixAddress("s"))


async def test_credentials_are_the_kernels(driver, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    listener = driver.listen(UnixAddress("s"))
    dialled = driver.dial(UnixAddress("s"))
    await until(driver, listener, read=True)
    accepted = listener.accept()
    for end in (dialled, accepted):
        assert (end.credentials.uid, end.credentials.gid, end.credentials.pid) == (
            os.getuid(),
            os.getgid(),
            os.getpid(),
        )


async def test_small_writes_are_not_held_back(driver) -> None:
    listener = driver.listen(LOOPBACK)
    dialled = driver.dial(listener.local)
    await until(driver, dialled, write=True)
    assert dialled.connected()
    accepted = listener.accept()
    for end in (dialled, accepted):
        assert end._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_reader_that_stalls_gathers_little_in_the_kernel(driver) -> None:
    listener = driver.listen(LOOPBACK)
    dialled = driver.dial(listener.local)
    await until(driver, dialled, write=True)
    assert dialled.connected()
    await until(driver, listener, read=True)
    accepted = listener.accept()
    for end in (dialled, accepted):  # neither ever reads
        taken = 0
        while size := end.send(bytes(1 << 16)):
            taken += size
        assert taken < 1 << 20  # megabytes otherwise, for each of those that stall


async def test_running_out_of_descriptors(driver) -> None:
    listener = driver.listen(LOOPBACK)
    with socket.create_connection((listener.local.ip, listener.local.port)):
        await until(driver, listener, read=True)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        spare = os.dup(0)
        os.close(spare)
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
        try:
            with pytest.raises(ResourceExhausted):
                listener.accept()
            with pytest.raises(ResourceExhausted):
                driver.dial(listener.local)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert listener.accept() is not None


async def test_a_connection_reset_before_accept_is_accepted_and_broken(driver) -> None:
    listener = driver.listen(LOOPBACK)
    raw = socket.create_connection((listener.local.ip, listener.local.port))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    await until(driver, listener, read=True)
    accepted = listener.accept()
    assert accepted is not None
    with pytest.raises(ConnectionLost):
        accepted.recv_into(memoryview(bytearray(1)))


async def test_a_dial_that_meets_itself_is_refused(driver) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = TcpAddress(*probe.getsockname())
    dialled = driver.dial(address, bind=address)  # TCP's simultaneous open with itself
    await until(driver, dialled, write=True)
    with pytest.raises(ConnectionRefused):
        dialled.connected()


async def test_a_descriptor_that_was_used_again_gets_no_old_readiness(driver) -> None:
    listener = driver.listen(LOOPBACK)
    first = driver.dial(listener.local)
    await until(driver, listener, read=True)
    accepted = listener.accept()
    accepted.send(b"x")
    await until(driver, first, read=True)
    number = first.fd
    first.close()
    second = driver.dial(listener.local)
    assert second.fd == number
    second.want(read=True, write=False)
    assert all(ready is not first for ready, _bits in await driver.wait(time.monotonic() + 0.05))


async def test_two_drivers_wait_side_by_side(driver) -> None:
    other = EpollDriver(RealClock())
    listener = other.listen(LOOPBACK)
    listener.want(read=True, write=False)
    got = []

    async def wait(which: EpollDriver, name: str) -> None:
        while not got:
            with trio.move_on_after(5):
                if await which.wait(None):
                    got.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, other, "other")
        driver.dial(listener.local)
    assert got == ["other"]
    other.close()


def test_a_driver_speaks() -> None:
    async def main() -> None:
        driver = EpollDriver(RealClock())
        repr((driver, driver.listen(LOOPBACK), driver.datagrams(LOOPBACK), driver.dial(LOOPBACK)))
        driver.close()

    trio.run(main)
