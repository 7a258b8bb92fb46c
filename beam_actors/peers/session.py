"""The actor of one session: hands inbound streams to those who serve their protocol, and ends with the session.

The invariants: the session dies with this actor and this actor with the session, the latter as a normal exit; one
whose peer introduces itself without end is cut; a draining session is closed only after it had no streams for a while,
because the other end may be opening one, and so is a visit.
"""

import structlog

from beam_actors.flow import IncomingStream, SessionDown
from beam_actors.peers.messages import (
    AdoptSession,
    CheckDrained,
    CloseSession,
    Drain,
    Identified,
    InboundStream,
    Left,
    Used,
)
from beam_actors.peers.setting import PeerSetting
from beam_actors.runtime import Actor, ChildSpec, ExitReason, Mailbox, Overflow, Ref, Restart, receives
from beam_actors.wire import PeerIdentified, PeerLeaving

_log = structlog.get_logger(__name__)


def session_spec(number: int, adopted: AdoptSession, *, peer: Ref, setting: PeerSetting, visit: bool) -> ChildSpec:
    """The child of a peer's actor that a session is; temporary, since what has ended does not come back by itself."""
    return ChildSpec(
        f"session-{number}",
        lambda: PeerSession(number, adopted, peer=peer, setting=setting, visit=visit),
        restart=Restart.TEMPORARY,
    )


class PeerSession(Actor):
    """One session. Overflow: an inbound stream beyond the mailbox is dropped, which resets it."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)

    def __init__(
        self, number: int, adopted: AdoptSession, *, peer: Ref, setting: PeerSetting, visit: bool = False
    ) -> None:
        """A `visit` ends when nobody has used it for a while."""
        super().__init__()
        self._number = number
        self._adopted = adopted
        self._peer = peer
        limits = setting.limits
        self._serve = setting.serve
        self._takers = dict(setting.takers)
        self._visiting = setting.visiting
        self._limits = limits
        self._used = False
        self._idle: float | None = limits.visit_linger / 2 if visit else None
        """How long it must have no streams, twice, before it ends."""
        self._checking = False
        self._introductions = setting.introductions

    def __repr__(self) -> str:
        return f"PeerSession({self._adopted.established!r})"

    async def on_start(self) -> None:
        """Take the session over, with what it has said already."""
        self._adopted.established.adopt(self.ref)
        self._check_later()

    async def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002  # whatever the reason, nothing is left behind
        """Cut the session if it still stands."""
        self._adopted.established.handle.abort()

    @receives(IncomingStream)
    def incoming(self, message: IncomingStream) -> None:
        """Hand a stream to whoever serves its protocol, unless the peer has reset it meanwhile."""
        if message.stream.error is not None:
            return
        server = self._serve.get(message.protocol)
        if server is None or not server.alive:
            message.stream.abort()
            return
        if not self._used and message.protocol not in self._visiting:
            self._used = True
            self._peer.tell(Used())
        taker = self._takers.pop(message.protocol, None)
        if taker is not None:  # from the second one on: the first shows whether the session is used
            message.session.ask_first(message.protocol, taker)
        message.stream.adopt(server)
        server.tell(InboundStream(self._adopted.established.peer, message.protocol, message.stream))

    @receives(PeerIdentified)
    def identified(self, message: PeerIdentified) -> None:
        """Pass on what the peer says about itself."""
        peer = self._adopted.established.peer
        if self._introductions.spend(str(peer), self.system.clock()):
            self._peer.tell(Identified(self._number, message.info))
            return
        _log.debug("a peer introduces itself without end", peer=str(peer))
        self._adopted.established.handle.abort()
        self.stop()

    @receives(PeerLeaving)
    def leaving(self, _message: PeerLeaving) -> None:
        """The peer takes no new streams here: let this session drain for good."""
        self._peer.tell(Left(self._number))
        self.drain(Drain(draining=True))

    @receives(SessionDown)
    def down(self, _message: SessionDown) -> None:
        """The session ended: so does its actor, normally."""
        self.stop()

    @receives(Drain)
    def drain(self, message: Drain) -> None:
        """Close once there were no streams for a while; or go on after all, as the other session has died."""
        self._idle = self._limits.drain_linger if message.draining else None
        self._check_later()

    @receives(CheckDrained)
    async def check_drained(self, message: CheckDrained) -> None:
        """See whether streams are left."""
        self._checking = False
        if self._idle is None:
            return
        streams = self._adopted.established.handle.statistics().streams
        if streams == 0 and message.idle:
            await self._adopted.established.handle.close()
            return
        self._check_later(idle=streams == 0)

    @receives(CloseSession)
    async def close(self, _message: CloseSession) -> None:
        """End it in order."""
        await self._adopted.established.handle.close()

    def _check_later(self, *, idle: bool = False) -> None:
        if self._idle is not None and not self._checking:
            self._checking = True
            self.send_after(self._idle, CheckDrained(idle=idle))
