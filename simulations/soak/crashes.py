"""Crash actors one after another, by path, and look: who else restarted, did open streams go on, how soon is it served.

For each victim: a long echo stream is open through the tunnel, a fresh echo must succeed within 2 s of the crash, no
incarnation outside the victim's subtree may change, and the tree must say why it restarted.
"""

import socket
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import attrs

from beam_actors.testing.daemons import CommandFailed, Daemon, eventually, flatten_tree
from simulations.soak import Say
from simulations.soak.pair import Pair, pair
from simulations.soak.transfers import app, connect, echo_once

HEAL = 2.0


@attrs.frozen
class Victim:
    """Which actor of which daemon, found by a predicate on its path, and whether the open stream lies on it."""

    what: str
    daemon: str
    matches: Callable[[str], bool]
    carries_stream: bool = False


VICTIMS = (
    Victim("the session", "visitor", lambda p: "/session-" in p, carries_stream=True),
    Victim("the peer", "visitor", lambda p: "/network/peers/" in p and p.count("/") == 5, carries_stream=True),
    Victim("the listener", "owner", lambda p: p.endswith("/network/listeners")),
    Victim("the connection manager", "visitor", lambda p: p.endswith("/network/manager")),
    Victim("the registry", "owner", lambda p: p.endswith("/services/registry")),
    Victim("the resolver", "visitor", lambda p: p.endswith("/ingress/resolver")),
    Victim("the tunnel", "owner", lambda p: "/services/tunnels/offered/" in p),
    Victim("the name", "owner", lambda p: "/services/names/" in p),
    Victim("control", "owner", lambda p: p == "node/control"),
)


class OpenStream:
    """An echo connection that stays open across a crash."""

    def __init__(self, port: int) -> None:
        self._socket = connect(port, b"E")

    def works(self) -> bool:
        """Whether 1 kB still goes round."""
        try:
            self._socket.sendall(b"k" * 1000)
            got = b""
            while len(got) < 1000:
                part = self._socket.recv(1000)
                if not part:
                    return False
                got += part
        except OSError:
            return False
        return got == b"k" * 1000

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def served_again(port: int, start: float) -> float:
    """Seconds from `start` until an echo on a fresh connection succeeds; raise after 10 s."""

    def probe() -> bool:
        try:
            echo_once(port, 1000)
        except (OSError, AssertionError):
            return False
        return True

    eventually(probe, timeout=10, what="a fresh stream works", interval=0.02)
    return time.monotonic() - start


def crash(link: Pair, victim: Victim, say: Say) -> None:
    """Crash one victim and check everything that is promised."""
    daemon: Daemon = getattr(link, victim.daemon)
    stream = OpenStream(link.port)
    if not stream.works():
        raise AssertionError("the stream did not work before the crash")
    before = flatten_tree(daemon.beam("tree"))
    path = next(iter(sorted(p for p in before if victim.matches(p))), None)
    if path is None:
        raise AssertionError(f"{victim.what} is not in the tree: {sorted(before)}")
    start = time.monotonic()
    with suppress(CommandFailed) if path == "node/control" else nullcontext():  # it takes its own answer along
        daemon.beam("crash", path)
    seconds = served_again(link.port, start)
    survived = stream.works()
    stream.close()
    after = eventually(lambda: tree_with(daemon, path), timeout=5, what=f"{path} is in the tree again")
    outside = [
        other
        for other, node in after.items()
        if other in before and not _inside(other, path) and node["incarnation"] != before[other]["incarnation"]
    ]
    reason = after[path]["last_exit"] if path in after else "(a temporary actor, gone)"
    say(
        f"{victim.what}: served again after {seconds:.2f} s, open stream {'went on' if survived else 'ended'}; {reason}"
    )
    if seconds > HEAL:
        raise AssertionError(f"after a crash of {victim.what} it took {seconds:.2f} s")
    if outside:
        raise AssertionError(f"a crash of {path} restarted {outside}")
    if not survived and not victim.carries_stream:
        raise AssertionError(f"a crash of {victim.what} broke an established stream")


def tree_with(daemon: Daemon, path: str) -> dict[str, dict[str, Any]] | None:
    """The daemon's tree once the victim is back (a session is a new actor, so any tree will do)."""
    tree = flatten_tree(daemon.beam("tree"))
    if "/session-" in path:
        return tree
    return tree if path in tree and tree[path].get("restarts") else None


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root + "/")


def run(root: Path, say: Say) -> None:
    """Each victim in turn, on one pair of daemons."""
    with app() as (port, _), pair(root / "crashes", port, "--chaos") as link:
        link.owner.beam("register", "crash-test")
        for victim in VICTIMS:
            crash(link, victim, say)
        garbage(link, say)


def garbage(link: Pair, say: Say) -> None:
    """Throw garbage at every listening port of the owner; it must still serve, with nothing restarted."""
    before = flatten_tree(link.owner.beam("tree"))
    status = link.owner.beam("status")
    ports = [int(link.owner.beam("id")["addresses"][0].split("/")[4])]
    ports += [int(status[key].rpartition(":")[2]) for key in ("dns", "https", "http")]
    for port in ports:
        for blob in (
            b"",
            b"\0" * 1000,
            b"\xff" * 100_000,
            b"GET / HTTP/9.9\r\n\r\n",
            b"\x13/multistream/1.0.0\n" * 500,
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.settimeout(0.5)
                try:
                    connection.sendall(blob)
                    connection.recv(4096)
                except OSError:
                    pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for blob in (b"", b"\0" * 11, b"\xff" * 512, b"\0" * 12 + b"\xc0\x0c" * 2000):
            udp.sendto(blob, ("127.0.0.1", ports[1]))
    echo_once(link.port, 1000)
    after = flatten_tree(link.owner.beam("tree"))
    changed = [path for path in before if path in after and after[path]["restarts"] != before[path]["restarts"]]
    if changed:
        raise AssertionError(f"garbage restarted {changed}")
    say(f"garbage on {len(ports)} listening ports and DNS datagrams: nothing restarted")
