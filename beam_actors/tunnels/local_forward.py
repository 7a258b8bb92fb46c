"""The actor of one forward: a local port that leads to a service elsewhere, for programs that resolve nothing.

The invariant: a local connection that gets no tunnel is reset, never ended cleanly, so that no program takes nothing
for an answer. The splices carry this actor's path as their tag and survive it; its listener doesn't, and a new
incarnation listens again on the same port.
"""

from functools import partial

import attrs
import structlog

from beam_actors.errors import ActorUnavailable, BeamError, ConnectionLost, NetworkError
from beam_actors.flow import Accepted, Flow, ListenerHandle, Stream
from beam_actors.ports import Clock
from beam_actors.runtime import Actor, ExitReason, Mailbox, Overflow, receives
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.messages import Describe, ForwardState, ForwardStatus, Listen, ListenAgain
from beam_actors.tunnels.opening import Opener
from beam_actors.tunnels.spec import ForwardSpec
from beam_actors.values import TcpAddress

_log = structlog.get_logger(__name__)

Listening = dict[str, TcpAddress]
"""Where forwards listen now, by their keys. They are the daemon's own listeners, to which no tunnel may lead."""


@attrs.frozen(slots=True)
class _AskAgain:
    """To myself, from the pump: a connection whose session was lost before anything of it had left."""

    stream: Stream

    def dispose(self) -> None:
        """Nobody asks: reset it."""
        self.stream.abort()


class LocalForward(Actor):
    """One forward. Overflow: a connection beyond its mailbox is dropped, which resets it."""

    mailbox = Mailbox(capacity=1024, overflow=Overflow.DROP_NEWEST)
    reply_errors = (NetworkError,)

    def __init__(
        self,
        spec: ForwardSpec,
        *,
        flow: Flow,
        opener: Opener,
        clock: Clock,
        limits: TunnelsLimits,
        listening: Listening,
        listener: ListenerHandle | None = None,
    ) -> None:
        """`listener` is the port if it is bound already; it is adopted."""
        super().__init__()
        self._spec = spec
        self._flow = flow
        self._opener = opener
        self._clock = clock
        self._limits = limits
        self._listening = listening
        self._listener = listener
        self._waiting = 0
        self._failed = 0
        self._failure: str | None = None
        self._failed_at: float | None = None
        self._state: ForwardState = "unused"  # of the connections
        self._told: float | None = None  # when the log was, and of how many failures
        self._told_failed = 0

    def __repr__(self) -> str:
        return f"LocalForward({self._spec.key} -> {self._spec.destination}:{self._spec.port})"

    async def on_start(self) -> None:
        """Listen; when somebody else has the port, go on trying and say so."""
        if self._listener is not None:
            self._listener.adopt(self.ref)
            self._listener.taker = self._join
            self._listening[self._spec.key] = self._spec.listen
        else:
            self.listen_again(ListenAgain())

    async def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002  # whatever the reason, the port is free
        """Listen no more."""
        self._listening.pop(self._spec.key, None)

    @receives(Listen)
    def listen(self, _message: Listen) -> None:
        """Try the port, if it isn't bound; raise what prevents it."""
        if self._listener is not None:
            return
        try:
            self._listener = self._flow.listen(self._spec.listen, self.ref)
        except NetworkError as error:
            self._note(str(error))
            raise
        self._listener.taker = self._join
        self._listening[self._spec.key] = self._spec.listen

    @receives(ListenAgain)
    def listen_again(self, message: ListenAgain) -> None:
        """Try the port, and again later if need be."""
        try:
            self.listen(Listen())
        except (NetworkError, ActorUnavailable):  # the latter while the pump restarts
            self.send_after(self._limits.listen_retry, message)

    @receives(Describe)
    def describe(self, _message: Describe) -> ForwardStatus:
        """How it stands."""
        return ForwardStatus(
            spec=self._spec,
            state="no-port" if self._listener is None else self._state,
            traffic=self._flow.traffic(self.path),
            failed=self._failed,
            failure=self._failure,
            failed_at=self._failed_at,
        )

    @receives(Accepted)
    def accepted(self, message: Accepted) -> None:
        """A local program connected."""
        if self._waiting >= self._limits.forward_opens:
            self._fail(message.stream, f"{self._waiting} connections wait for their tunnel already.")
            return
        self._waiting += 1
        self.spawn(self._carry, message.stream)

    def _join(self, local: Stream) -> bool:
        """Let the pump carry it, if nothing is to be waited for but the answer; False: see `accepted`."""
        if self._waiting >= self._limits.forward_opens:
            return False
        spec = self._spec
        self._flow.splices.open_account(self.path)
        told = partial(self._joined, local)
        if not self._opener.join(
            local, spec.destination, spec.port, client="forward", owner=self.ref, tag=self.path, told=told
        ):
            return False
        self._waiting += 1
        return True

    def _joined(self, local: Stream, error: BeamError | None, sent: int) -> None:
        self._waiting -= 1
        if error is None:
            self._state = "works"
        elif not self.ref.alive:  # it is stopped, and nobody is to hear why
            local.abort()
        elif isinstance(error, ConnectionLost) and not sent and local.error is None:
            self.ref.tell(_AskAgain(local))  # the session was dead, and nobody had noticed
        else:
            self._fail(local, str(error))

    @receives(_AskAgain)
    def ask_again(self, message: _AskAgain) -> None:
        """Open the tunnel once more, over another session."""
        self._waiting += 1
        self.spawn(self._carry, message.stream, False)

    async def _carry(self, local: Stream, join: bool = True) -> None:  # noqa: FBT001, FBT002  # the first time, or not
        spec, joined = self._spec, False
        try:
            self._flow.splices.open_account(self.path)
            joined = join and await self._opener.join_named(
                local,
                spec.destination,
                spec.port,
                client="forward",
                owner=self.ref,
                tag=self.path,
                told=partial(self._joined, local),
                seen="forward",
            )
            if not joined:
                await self._open(local)
        except BeamError as error:
            self._fail(local, str(error))
        finally:
            if not joined:
                self._waiting -= 1

    async def _open(self, local: Stream) -> None:
        spec = self._spec
        remote = await self._opener.open(spec.destination, spec.port, client="forward", owner=self.ref, seen="forward")
        try:
            local.splice(remote, self.path)
        except BaseException:
            remote.abort()
            raise
        self._state = "works"

    def _fail(self, local: Stream, why: str) -> None:
        self._failed += 1
        self._state = "fails"
        self._note(why)
        local.abort()

    def _note(self, why: str) -> None:
        """Keep what went wrong, and have it in the log, but not for each of many connections or tries of a port."""
        self._failure, self._failed_at = why, self._clock.wall()
        now = self._clock.monotonic()
        if self._told is None or now - self._told >= self._limits.failure_log:
            failed, self._told, self._told_failed = self._failed - self._told_failed, now, self._failed
            spec = self._spec
            _log.warning("a forward fails", local=str(spec.listen), leads_to=spec.destination, error=why, failed=failed)
