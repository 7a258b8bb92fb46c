import hashlib
import os
import subprocess
import sys
from functools import partial

import pytest
import trio

from beam_actors.testing.world import run_world
from beam_actors.tunnels import ForwardSpec, TunnelSpec
from beam_actors.values import EVERYONE, TcpAddress

MEGABYTE = hashlib.sha256(b"seed").digest() * 32768
APP = TcpAddress("127.0.0.1", 3000)
LOCAL = TcpAddress("127.0.0.1", 8080)


async def connected(*nodes):
    """Return once each node has a session."""
    for node in nodes:
        while not any(status.sessions for status in await node.peers.snapshot()):
            await trio.sleep(0.01)


async def megabyte_through_a_tunnel(world):
    """Three whole nodes: the owner and the visitor each know only the third; an app, a forward, a megabyte each way."""
    hub, owner, visitor = (world.machine(name) for name in ("hub", "owner", "visitor"))
    arrived = []

    async def app(stream):
        digest = hashlib.sha256()
        while data := await stream.read():
            digest.update(data)
        arrived.append(digest.hexdigest())
        await stream.write(MEGABYTE[::-1])
        await stream.shutdown()

    known = await hub.boot()
    async with owner.program() as server, visitor.program() as client:
        server.serve(APP, app)
        bootstrap = (hub.address_of(known),)
        theirs, ours = await owner.boot(bootstrap=bootstrap), await visitor.boot(bootstrap=bootstrap)
        await connected(theirs, ours)
        await theirs.tunnels.expose(TunnelSpec(target=APP, port=9000, access=EVERYONE))
        await ours.tunnels.forward(ForwardSpec(destination=str(theirs.peers.us), port=9000, listen=LOCAL))
        stream = await client.connect(LOCAL)
        await stream.write(MEGABYTE)
        await stream.shutdown()
        digest = hashlib.sha256()
        while data := await stream.read():
            digest.update(data)
        stream.close()
        world.trace.add("digest", digest.hexdigest())
    assert arrived == [hashlib.sha256(MEGABYTE).hexdigest()]
    assert digest.hexdigest() == hashlib.sha256(MEGABYTE[::-1]).hexdigest()


@pytest.fixture(scope="module")
def first():
    return run_world(11, megabyte_through_a_tunnel)


def test_a_megabyte_goes_through_a_tunnel_between_three_whole_nodes_and_the_run_replays(first):
    again = run_world(11, megabyte_through_a_tunnel)
    assert first.lines == again.lines
    assert first.digest == again.digest
    assert first.count > 300


def test_the_run_replays_in_another_process_with_another_hash_seed(first):
    program = "from tests.testing.test_world import *; print(run_world(11, megabyte_through_a_tunnel).digest)"
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    again = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": other},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()[-1]
    assert again == first.digest


def test_another_seed_is_another_run(first):
    assert first.digest != run_world(12, megabyte_through_a_tunnel).digest


def test_whatever_differs_shows_in_the_hash():
    """Each variant does one thing more that the readiness of sockets and the life of actors alone would not show."""

    async def pair(world, extra=None):
        one, two = world.machine("one"), world.machine("two")
        hub = await one.boot()
        await two.boot(bootstrap=(one.address_of(hub),))
        await trio.sleep(1)
        if extra is not None:
            await extra(one, two)
        await trio.sleep(1)

    async def one_draw(one, _two):
        one._drawn_from.token(64)

    async def a_byte_on_the_disk(one, _two):
        one.disk.append("left-over", b"x")

    async def a_task_more(_one, _two):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(trio.lowlevel.checkpoint)

    variants = [None, one_draw, a_byte_on_the_disk, a_task_more]
    digests = [run_world(5, partial(pair, extra=extra)).digest for extra in variants]
    assert len(set(digests)) == len(variants)
    assert run_world(5, pair).digest == digests[0]
