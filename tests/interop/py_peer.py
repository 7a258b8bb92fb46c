"""py-libp2p as a judge. Runs under the lab's own Python: `listen`, `dial MULTIADDR` or `ping MULTIADDR`.

Results are lines of JSON. `listen` prints {"address": …} and serves ping and `/beam/echo/1` until its input ends.
`dial` pings and echoes, `ping` only pings.
"""

import hashlib
import json
import os
import sys

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_static_pair
from libp2p.host.ping import PingService
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID, Transport
from multiaddr import Multiaddr

ECHO = "/beam/echo/1"
SIZE = 1_000_000


def say(**result: object) -> None:
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


async def echo(stream) -> None:
    try:
        while data := await stream.read(1 << 16):
            await stream.write(data)
    except StreamEOF:
        pass
    await stream.close()


async def exchange(stream) -> bool:
    data = os.urandom(SIZE)
    back = hashlib.sha256()

    async def send() -> None:
        for start in range(0, SIZE, 1 << 16):
            await stream.write(data[start : start + (1 << 16)])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        got = 0
        while got < SIZE:
            part = await stream.read(1 << 16)
            got += len(part)
            back.update(part)
    await stream.close()
    return back.digest() == hashlib.sha256(data).digest()


async def main() -> None:
    key = create_new_key_pair(os.urandom(32))
    security = {PROTOCOL_ID: Transport(key, noise_privkey=create_static_pair().private_key)}
    host = new_host(key_pair=key, muxer_preference="YAMUX", sec_opt=security)
    async with host.run(listen_addrs=[Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        host.set_stream_handler(ECHO, echo)
        if sys.argv[1] == "listen":
            say(address=str(host.get_addrs()[0]))
            await trio.to_thread.run_sync(sys.stdin.read)
        else:
            info = info_from_p2p_addr(Multiaddr(sys.argv[2]))
            with trio.fail_after(30):
                await host.connect(info)
                say(ping=len(await PingService(host).ping(info.peer_id, ping_amt=3)))
                if sys.argv[1] == "dial":
                    say(echo=await exchange(await host.new_stream(info.peer_id, [ECHO])))
        os._exit(0)  # the host takes seconds to stop


trio.run(main)
