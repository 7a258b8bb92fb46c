"""Boxes that are punched through in pairs, as Linux's were (docs/decisions.md)."""

import itertools
from contextlib import suppress

import pytest
import trio

from beam_actors.errors import AddressInUse
from beam_actors.testing.network import (
    FULL_CONE,
    PORT_RESTRICTED_CONE,
    RESTRICTED_CONE,
    SYMMETRIC,
)
from tests.testing.network.homes import PRIVATE, Lab, heard
from tests.testing.network.rig import READ, WRITE, read, simulate


async def punch(lab: Lab) -> bool:
    """Both learn their outside addresses, and then send to each other's until both heard."""
    server = lab.servers[0]
    rendezvous = server.driver.datagrams(server.at(3478))
    socks = [home.driver.datagrams(PRIVATE) for home in lab.homes]
    outside = []
    for sock in socks:
        sock.send_to(b"x", rendezvous.local)
        outside.append((await heard(server, rendezvous))[1])
    ok = [False, False]

    async def side(me: int) -> None:
        peer = outside[1 - me]
        for _ in range(25):
            socks[me].send_to(b"probe", peer)
            if data := await heard(lab.homes[me], socks[me], 0.1):
                ok[me], peer = True, data[1]
                for _ in range(3):
                    socks[me].send_to(b"ack", peer)
                return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(side, 0)
        nursery.start_soon(side, 1)
    return all(ok)


KINDS = {
    "full": FULL_CONE,
    "restricted": RESTRICTED_CONE,
    "port-restricted": PORT_RESTRICTED_CONE,
    "symmetric": SYMMETRIC,
}
HOPELESS = {("symmetric", "symmetric"), ("symmetric", "port-restricted"), ("port-restricted", "symmetric")}


@pytest.mark.parametrize(("a", "b"), list(itertools.product(KINDS, KINDS)))
def test_datagrams_punch_through_the_pairs_that_they_do_through_on_linux(a, b):
    assert simulate(punch, Lab(KINDS[a], KINDS[b])) == ((a, b) not in HOPELESS)


async def punch_tcp(lab: Lab, late: float = 0.0) -> bool:
    """Both dial each other's outside addresses from the port that they dialled the server from."""
    server = lab.servers[0]
    listener = server.driver.listen(server.at(4747))
    outside, listening = [], []
    for home in lab.homes:
        mine = home.driver.listen(PRIVATE, reuse_port=True)
        listening.append(mine)
        dialled = home.driver.dial(listener.local, bind=mine.local, reuse_port=True)
        await home.until(dialled, WRITE)
        await server.until(listener, READ)
        outside.append(listener.accept().remote)

    async def side(me: int) -> None:
        home = lab.homes[me]
        if me:
            await trio.sleep(late)
        dialled = home.driver.dial(outside[1 - me], bind=listening[me].local, reuse_port=True)
        dialled.want(read=False, write=True)
        with trio.move_on_after(20), suppress(AddressInUse):  # the other one's dial was accepted before
            while not dialled.connected():
                await home.driver.wait(None)
            connected.append((home, dialled))
        dialled.want(read=False, write=False)

    connected: list = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(side, 0)
        nursery.start_soon(side, 1)
    for home, dialled in connected:
        other = lab.homes[home is lab.homes[0]]
        end = (
            next((there for where, there in connected if where is other), None)
            or listening[lab.homes.index(other)].accept()
        )
        dialled.send(b"through two boxes")
        assert await read(other.driver, end) == b"through two boxes"
        end.send(b"and back")
        assert await read(home.driver, dialled) == b"and back"
    return bool(connected)


@pytest.mark.parametrize(("a", "b"), list(itertools.product(KINDS, KINDS)))
@pytest.mark.parametrize("late", [0.0, 0.005, 0.5])
def test_tcp_opens_from_both_ends_through_the_same_pairs(a, b, late):
    assert simulate(punch_tcp, Lab(KINDS[a], KINDS[b]), late) == ((a, b) not in HOPELESS)
