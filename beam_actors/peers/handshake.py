"""Driving a connection through its handshake, in a worker, before the session has an actor of its own.

The invariant: what the session says between its handshake and its adoption is kept in order and handed to the actor
that adopts it, so that a stream which the peer opens at once isn't lost; a handshake that is given up leaves nothing.
"""

from collections.abc import Callable
from typing import Any

import attrs
import trio

from beam_actors.errors import BeamError, ConnectionLost, TimedOut
from beam_actors.flow import Flow, Owner, SessionDown, SessionHandle, SessionUp, Stream
from beam_actors.peers.claims import Contact
from beam_actors.values import Address, PeerId, TcpAddress
from beam_actors.wire import Session


class Witness:
    """Owns a session on behalf of the actor whose worker drives the handshake, and takes down what it is told."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._told: list[Any] = []
        self._heir: Callable[[Any], None] | None = None
        self._decided: trio.Event | None = None
        self._outcome: SessionUp | SessionDown | None = None

    def __repr__(self) -> str:
        return f"Witness(for {self._owner.path}, {self._outcome!r}, {len(self._told)} messages kept)"

    @property
    def path(self) -> str:
        """The path of the actor that it stands for: the session dies with that one."""
        return self._owner.path

    @property
    def alive(self) -> bool:
        """Whether that actor runs."""
        return self._owner.alive

    def tell(self, message: Any) -> None:
        """Take down what the session says, or pass it on to the heir."""
        if self._heir is not None:
            self._heir(message)
        elif self._outcome is None and isinstance(message, SessionUp | SessionDown):
            self._outcome = message
            if self._decided is not None:
                self._decided.set()
        else:
            self._told.append(message)

    def crash(self, reason: BaseException) -> None:
        """Crash the actor that it stands for."""
        self._owner.crash(reason)

    async def outcome(self) -> SessionUp | SessionDown:
        """Wait for the end of the handshake."""
        if self._outcome is None:
            self._decided = trio.Event()
            await self._decided.wait()
            self._decided = None  # the witness stays as long as the session
        if self._outcome is None:
            raise ConnectionLost("The handshake ended without an outcome.")
        return self._outcome

    def bequeath(self, heir: Callable[[Any], None]) -> None:
        """Give the heir what was kept, in order, and all that follows."""
        self._heir = heir
        told, self._told = self._told, []
        for message in told:
            heir(message)

    def dispose(self) -> None:
        """Drop what was kept; streams among it are reset."""
        self.bequeath(_drop)


def _drop(message: Any) -> None:
    dispose = getattr(message, "dispose", None)
    if dispose is not None:
        dispose()


@attrs.frozen(slots=True)
class Established:
    """A session whose both ends are proved; it still belongs to the witness."""

    peer: PeerId
    suite: str
    handle: SessionHandle
    witness: Witness
    contact: Contact

    @property
    def remote(self) -> TcpAddress | None:
        """Where the peer's end is."""
        return self.contact.remote

    def adopt(self, owner: Owner) -> None:
        """Hand the session, and what it said so far, to its actor."""
        self.handle.adopt(owner)
        self.witness.bequeath(owner.tell)

    def dispose(self) -> None:
        """Cut the session."""
        self.witness.dispose()
        self.handle.abort()


async def establish(flow: Flow, stream: Stream, session: Session, owner: Owner, *, seconds: float) -> Established:
    """Run the handshake on a connection, whose handle is spent.

    Raises:
        TimedOut: it took more than `seconds`.
        BeamError: it failed, or found another peer than the session expects.
    """
    witness = Witness(owner)
    remote, contact = stream.remote, Contact(remote=_tcp(stream.remote), local=_tcp(stream.local))
    handle = flow.session(stream, session, witness, handshake=seconds)
    try:
        with trio.move_on_after(seconds):
            outcome = await witness.outcome()
            if isinstance(outcome, SessionUp):
                return Established(outcome.peer, outcome.suite.protocol, handle, witness, contact)
            raise _cause(outcome)  # noqa: TRY301  # given up like a timeout
    except BaseException:
        _give_up(handle, witness)
        raise
    _give_up(handle, witness)
    raise TimedOut(f"{remote} did not complete the handshake within {seconds:g} s.")


def _cause(outcome: SessionDown) -> BeamError:
    return outcome.error or ConnectionLost("The other side ended the handshake.")


def _give_up(handle: SessionHandle, witness: Witness) -> None:
    witness.dispose()
    handle.abort()


def _tcp(address: Address | None) -> TcpAddress | None:
    return address if isinstance(address, TcpAddress) else None
