"""The actor of one forward: a local port that leads to a service elsewhere, for programs that resolve nothing.

The invariant: a local connection that gets no tunnel is reset, never ended cleanly, so that no program takes nothing
for an answer. The splices carry this actor's path as their tag and survive it; its listener doesn't, and a new
incarnation listens again on the same port.
"""

from beam_actors.errors import BeamError, NetworkError
from beam_actors.flow import Accepted, Flow, ListenerHandle, Stream
from beam_actors.runtime import Actor, Mailbox, Overflow, receives
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.messages import Describe, ForwardStatus, ListenAgain
from beam_actors.tunnels.opening import Opener
from beam_actors.tunnels.spec import ForwardSpec


class HeldForward(Actor):
    """One forward. Overflow: a connection beyond its mailbox is dropped, which resets it."""

    mailbox = Mailbox(capacity=1024, overflow=Overflow.DROP_NEWEST)

    def __init__(self, spec: ForwardSpec, *, flow: Flow, opener: Opener, limits: TunnelsLimits) -> None:
        super().__init__()
        self._spec = spec
        self._flow = flow
        self._opener = opener
        self._limits = limits
        self._listener: ListenerHandle | None = None
        self._waiting = 0
        self._opened = self._failed = 0
        self._failure: str | None = None

    def __repr__(self) -> str:
        return f"HeldForward({self._spec.key} -> {self._spec.destination}:{self._spec.port})"

    async def on_start(self) -> None:
        """Listen; when somebody else has the port, go on trying and say so."""
        self._listen()

    @receives(ListenAgain)
    def listen_again(self, _message: ListenAgain) -> None:
        """Try the port once more."""
        self._listen()

    @receives(Describe)
    def describe(self, _message: Describe) -> ForwardStatus:
        """How it stands."""
        return ForwardStatus(
            spec=self._spec,
            listening=self._listener is not None,
            live=len(self._flow.splices.find(self.path)),
            opened=self._opened,
            failed=self._failed,
            failure=self._failure,
        )

    @receives(Accepted)
    def accepted(self, message: Accepted) -> None:
        """A local program connected."""
        if self._waiting >= self._limits.forward_opens:
            message.stream.abort()
            return
        self._waiting += 1
        self.spawn(self._carry, message.stream)

    def _listen(self) -> None:
        try:
            self._listener = self._flow.listen(self._spec.listen, self.ref)
            self._failure = None
        except NetworkError as error:
            self._failure = str(error)
            self.send_after(self._limits.listen_retry, ListenAgain())

    async def _carry(self, local: Stream) -> None:
        try:
            remote = await self._opener.open(self._spec.destination, self._spec.port, client="forward", owner=self.ref)
            try:
                local.splice(remote, self.path)
            except NetworkError:
                remote.abort()
                raise
            self._opened += 1
            self._failure = None
        except BeamError as error:
            self._failed += 1
            self._failure = str(error)
            local.abort()
        finally:
            self._waiting -= 1
