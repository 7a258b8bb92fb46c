"""A port of any number, and the step that every test of the real sockets takes."""

import trio

from beam_actors.values import TcpAddress
from beam_actors.world.epoll import EpollDriver

LOOPBACK = TcpAddress("127.0.0.1", 0)


async def until(driver: EpollDriver, pollable, *, read: bool = False, write: bool = False) -> None:
    pollable.want(read=read, write=write)
    with trio.fail_after(10):
        while not any(ready is pollable for ready, _bits in await driver.wait(None)):
            pass
