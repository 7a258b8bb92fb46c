"""What the contract (tests/ports/test_network.py) can't cover: the kernel's own corners."""

import time

import pytest
import trio

from beam_actors.errors import ResourceExhausted
from beam_actors.world.clock import SystemClock
from beam_actors.world.epoll import EpollDriver
from tests.world.sockets import LOOPBACK, until


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
    other = EpollDriver(SystemClock())
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
        driver = EpollDriver(SystemClock())
        repr((driver, driver.listen(LOOPBACK), driver.datagrams(LOOPBACK), driver.dial(LOOPBACK)))
        driver.close()

    trio.run(main)


async def test_a_driver_opens_no_more_than_its_share_of_descriptors() -> None:
    driver = EpollDriver(SystemClock(), descriptors=3)
    listener = driver.listen(LOOPBACK)
    first = driver.dial(listener.local)
    await until(driver, listener, read=True)
    accepted = listener.accept()
    for opening in (listener.accept, lambda: driver.dial(listener.local), lambda: driver.datagrams(LOOPBACK)):
        with pytest.raises(ResourceExhausted):
            opening()
    first.close()
    driver.dial(listener.local)
    accepted.close()
    await until(driver, listener, read=True)
    assert listener.accept() is not None
    driver.close()
