"""What the contract (tests/ports/test_network_endpoints.py) can't cover: the kernel's own corners."""

import os
import socket
import struct

import pytest

from beam_actors.errors import ConnectionLost, ConnectionRefused
from beam_actors.values import TcpAddress, UnixAddress
from beam_actors.world import bound, endpoint
from tests.world.sockets import LOOPBACK, until


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
        assert end._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert 60 < end._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < 120


async def test_an_option_that_the_kernel_does_not_know_costs_nothing_but_itself(driver, monkeypatch) -> None:
    unknown = (socket.IPPROTO_TCP, 9_999, 1)
    monkeypatch.setattr(endpoint, "_OPTIONS", (unknown, *endpoint._OPTIONS))
    listener = driver.listen(LOOPBACK)
    dialled = driver.dial(listener.local)
    await until(driver, dialled, write=True)
    assert dialled.connected()
    for end in (dialled, listener.accept()):
        assert end._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert end._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3


async def test_what_is_accepted_has_its_options_also_where_none_are_inherited(driver, monkeypatch) -> None:
    monkeypatch.setattr(bound, "_INHERITED", False)
    listener = driver.listen(LOOPBACK)
    listener._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
    dialled = driver.dial(listener.local)
    await until(driver, dialled, write=True)
    assert dialled.connected()
    assert listener.accept()._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


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
