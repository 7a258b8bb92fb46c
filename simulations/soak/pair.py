"""Two daemons on loopback with a local app behind a raw tunnel: what most soak parts start from."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import attrs

from beam_actors.testing.daemons import NETWORK, SERVERS, Daemon, daemons

RAW_PORT = 9000
_QUIET = iter(range(20_000, 32_000))  # below what systems give to outgoing connections
_QUIET_LOCK = threading.Lock()


def quiet_ports(count: int) -> list[int]:
    """Ports of loopback that this process gives out once, and that no connection gets by chance.

    For a daemon that is killed again and again: one that the OS chose may be another connection's by the next start.
    """
    found: list[int] = []
    with _QUIET_LOCK:
        while len(found) < count:
            port = next(_QUIET)
            with socket.socket() as probe, suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@attrs.frozen
class Pair:
    """An owner whose app is reached at the visitor's local `port`."""

    owner: Daemon
    visitor: Daemon
    owner_id: str
    port: int


def loopback(port: int = 0) -> tuple[str, ...]:
    """Options that keep a daemon on loopback, listening for peers on `port`."""
    return ("--listen", f"/ip4/127.0.0.1/tcp/{port}", *SERVERS, "--network", NETWORK)


@contextmanager
def pair(root: Path, app: int, *options: str, owner_port: int = 0, via: int | None = None) -> Iterator[Pair]:
    """Start both, connect the visitor (through the TCP port `via` if given), expose `app` and forward a port to it."""
    owner = Daemon(root / "owner", *loopback(owner_port), *options)
    visitor = Daemon(root / "visitor", *loopback(), *options)
    with daemons(owner, visitor):
        owner.start()
        visitor.start()
        identity = owner.beam("id")
        address = identity["addresses"][0]
        if via is not None:
            parts = address.split("/")
            parts[4] = str(via)
            address = "/".join(parts)
        visitor.beam("connect", address)
        owner.beam("expose", str(app), "--port", str(RAW_PORT), "--allow", "everyone")
        port = free_port()
        visitor.beam("forward", f"{identity['peer_id']}:{RAW_PORT}", str(port))
        yield Pair(owner, visitor, identity["peer_id"], port)
