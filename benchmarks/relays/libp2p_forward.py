"""A tunnel through stock py-libp2p (TCP, Noise with ChaCha20-Poly1305, yamux): `owner TARGET` or `visitor ADDRESS`."""

import contextlib
import os
import sys

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_static_pair
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID, Transport
from multiaddr import Multiaddr

FORWARD = "/bench/forward/1"
PIECE = 1 << 16


async def out(local, stream) -> None:
    """From the local connection into the stream."""
    while data := await local.receive_some(PIECE):
        await stream.write(data)
    await stream.close()


async def back(stream, local) -> None:
    """From the stream to the local connection."""
    with contextlib.suppress(StreamEOF):
        while data := await stream.read(PIECE):
            await local.send_all(data)
    await local.send_eof()


async def join(local, stream) -> None:
    """Both directions, until both end or one breaks."""
    local.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
    try:
        async with local, trio.open_nursery() as nursery:
            nursery.start_soon(back, stream, local)
            nursery.start_soon(out, local, stream)
    except* Exception:  # noqa: BLE001 (an end has a dozen names here, and none may take other streams along)
        pass
    finally:
        with trio.CancelScope(shield=True), trio.move_on_after(1), contextlib.suppress(Exception):
            await stream.reset()


async def until_input_ends() -> None:
    await trio.to_thread.run_sync(sys.stdin.read)
    os._exit(0)  # the host takes seconds to stop


async def main(role: str, argument: str) -> None:
    key = create_new_key_pair(os.urandom(32))
    security = {PROTOCOL_ID: Transport(key, noise_privkey=create_static_pair().private_key)}
    host = new_host(key_pair=key, muxer_preference="YAMUX", sec_opt=security)
    async with host.run(listen_addrs=[Multiaddr("/ip4/127.0.0.1/tcp/0")]), trio.open_nursery() as nursery:
        nursery.start_soon(until_input_ends)
        if role == "owner":

            async def arrived(stream) -> None:
                await join(await trio.open_tcp_stream("127.0.0.1", int(argument)), stream)

            host.set_stream_handler(FORWARD, arrived)
            print(host.get_addrs()[0], flush=True)
        else:
            info = info_from_p2p_addr(Multiaddr(argument))
            await host.connect(info)

            async def accepted(local) -> None:
                try:
                    stream = await host.new_stream(info.peer_id, [FORWARD])
                except Exception:  # noqa: BLE001 (as above; under load it fails now and then)
                    await local.aclose()
                else:
                    await join(local, stream)

            [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
            print(listener.socket.getsockname()[1], flush=True)
            await trio.serve_listeners(accepted, [listener])


trio.run(main, *sys.argv[1:])
