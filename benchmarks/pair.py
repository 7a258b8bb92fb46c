"""Two daemons on loopback as a tunnel: the owner offers a target, the visitor forwards a port to it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from beam_actors.testing.daemons import LOOPBACK, CommandFailed, Daemon, daemons, eventually
from benchmarks import sshd

PORT = "9000"
"""The service's port, of the owner's peer id and of a name."""


@attrs.frozen(slots=True)
class Pair:
    """A running owner and visitor; what is offered and forwarded is asked of them as a person would."""

    owner: Daemon
    visitor: Daemon

    def offer_raw(self, target: int) -> int:
        """Offer `target` by the owner's peer id: the visitor's port that leads to it."""
        self.owner.beam("expose", str(target), "--port", PORT, "--allow", "everyone")
        return self.forward(self.owner.beam("id")["peer_id"])

    def offer_named(self, target: int, name: str) -> int:
        """Offer `target` as a port of `name`: the visitor's port that leads to it."""
        self.owner.beam("expose", str(target), "--name", name, "--port", PORT, "--allow", "everyone")
        self._until_known(name)
        return self.forward(name)

    def offer_https(self, target: int, name: str) -> tuple[int, str, str]:
        """Offer `target` as HTTP of `name`: the visitor's HTTPS port, the host to ask there, its CA's file."""
        self.owner.beam("expose", str(target), "--name", name)
        self._until_known(name)
        port = int(self.visitor.beam("status")["https"].rpartition(":")[2])
        return port, f"{name}.local", self.visitor.beam("ca")["path"]

    def forward(self, whom: str) -> int:
        """A port of the visitor that leads to `PORT` of a name or a peer."""
        port = sshd.free_port()
        self.visitor.beam("forward", f"{whom}:{PORT}", str(port))
        return port

    def _until_known(self, name: str) -> None:
        def known() -> bool:
            try:
                self.visitor.beam("resolve", name)
            except CommandFailed:
                return False
            return True

        eventually(known, timeout=30, what=f"the visitor knows {name}")


@contextmanager
def two_daemons() -> Iterator[Pair]:
    """An owner and a visitor that run and don't know each other."""
    with tempfile.TemporaryDirectory(prefix="beam-bench-") as folder:
        owner = Daemon(Path(folder) / "owner", *LOOPBACK)
        visitor = Daemon(Path(folder) / "visitor", *LOOPBACK)
        with daemons(owner, visitor):
            owner.start()
            visitor.start()
            yield Pair(owner, visitor)


@contextmanager
def connected_pair() -> Iterator[Pair]:
    """An owner and a visitor with a session."""
    with two_daemons() as pair:
        pair.visitor.beam("connect", pair.owner.beam("id")["addresses"][0])
        yield pair


@contextmanager
def beam_pair(target: int) -> Iterator[tuple[Daemon, Daemon, int]]:
    """A connected owner and visitor, and the visitor's port that leads to `target`."""
    with connected_pair() as pair:
        yield pair.owner, pair.visitor, pair.offer_raw(target)
