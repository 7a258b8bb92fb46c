"""A peer that others share, and what it is asked of them."""

import trio

from beam_actors.peers.inquiry import PROTOCOL
from tests.peers.lab import SERVICES
from tests.wire.support import unframed

INQUIRER = f"{SERVICES}/network/inquirer"


async def meet(hub, *others):
    for other in others:
        await other.peers.connect(hub.address)
    await trio.sleep(2)  # everybody has told everybody


async def ask_raw(node, other, data, *, finish=True):
    """What another node answers to these bytes; raises when it resets the stream."""
    stream = await node.peers.open(other.id, PROTOCOL)
    await stream.write(data)
    if finish:
        await stream.shutdown()
    answer = b""
    while part := await stream.read():
        answer += part
    stream.close()
    return answer


async def ask_body(node, other, data):
    """The body of the answer of another node."""
    return unframed(await ask_raw(node, other, data, finish=False))
