"""What the actors of this room say to each other and to those above. A message that carries a stream has `dispose`."""

import attrs

from beam_actors.flow import Stream
from beam_actors.peers.book import Entry
from beam_actors.peers.claims import Contact
from beam_actors.peers.handshake import Established
from beam_actors.peers.lifecycle import State
from beam_actors.runtime import Reply
from beam_actors.values import Multiaddr, PeerId, TcpAddress
from beam_actors.wire import IdentifyInfo

# --- to the rooms above ---


@attrs.frozen(slots=True)
class PeerUp:
    """There is a session to the peer now. To subscribers; alternates with `PeerDown` for each peer."""

    peer: PeerId


@attrs.frozen(slots=True)
class PeerDown:
    """The last session to the peer ended, or the actor that held it crashed."""

    peer: PeerId


@attrs.frozen(slots=True)
class PeerStands:
    """One of the sessions to the peer ended, and another one stands: perhaps it began anew meanwhile. To the inquirer.

    Then the peer may have come to ask something only, and not know that it is known here: it would hold the session for
    a visit, which ends, although nobody here was told that it went.
    """

    peer: PeerId


@attrs.frozen(slots=True)
class InboundStream:
    """The peer, as its session proved it, opened a stream for a protocol that the receiver serves."""

    peer: PeerId
    protocol: str
    stream: Stream

    def dispose(self) -> None:
        """Nobody takes the stream: reset it."""
        self.stream.abort()


@attrs.frozen(slots=True, kw_only=True)
class Ping:
    """One round trip, and how it went; `why` is a sentence for people."""

    path: str
    rtt_ms: float
    why: str


@attrs.frozen(slots=True, kw_only=True)
class PeerStatus:
    """One peer that has an actor. `path`, `rtt_ms`, `agent` and `address` are None while it is not up."""

    peer: PeerId
    state: State
    kept: bool
    sessions: int
    path: str | None = None
    rtt_ms: float | None = None
    agent: str | None = None
    suite: str | None = None
    address: Multiaddr | None = None
    """Where the session that new streams take leads."""
    failure: str | None = None
    """Why the last dial failed, while it is not up."""
    bytes_sent: int = 0
    bytes_received: int = 0
    """On the wire, over the session that new streams take: with everything that a session costs."""
    visit: bool = False
    """Whether it is no acquaintance: it was asked something, or asks, on behalf of the DHT alone."""


# --- to the manager ---


@attrs.frozen(slots=True)
class Ensure:
    """Start the peer's actor if there is none. Reply: its `Ref`; `ResourceExhausted` where there is no place for it."""

    peer: PeerId
    visit: bool = False
    """Whether it is for a visit, which has the rank of a guest."""


@attrs.frozen(slots=True)
class Admit:
    """A stranger authenticated itself. Reply: the `Ref` of its peer's actor, or `ResourceExhausted`."""

    peer: PeerId
    remote: TcpAddress | None


@attrs.frozen(slots=True)
class Remember:
    """A person gave this address and it worked: dial the peer for ever. Reply: None, once it is durable."""

    peer: PeerId
    address: Multiaddr


@attrs.frozen(slots=True)
class Release:
    """Dial the peer no longer for ever, and end its sessions. Reply: `Released`, once it is durable; `PeerNotKept`."""

    peer: PeerId


@attrs.frozen(slots=True)
class Released:
    """What became of a peer that was kept."""

    sessions: int
    """How many sessions with it are being closed."""
    bootstrap: bool
    """Whether this node was started with an address of it, so that a start like this one keeps it again."""


@attrs.frozen(slots=True)
class Started:
    """A peer's actor began an incarnation; the answer is a `Wake`."""

    peer: PeerId


@attrs.frozen(slots=True)
class Proved:
    """The peer was found at the address, or a person said so."""

    peer: PeerId
    address: Multiaddr


@attrs.frozen(slots=True)
class Claimed:
    """The peer says that it listens at these addresses; `contact` is how it was met."""

    peer: PeerId
    addresses: tuple[Multiaddr, ...]
    contact: Contact


@attrs.frozen(slots=True)
class Report:
    """A peer's actor tells how it stands: on each change, and when the manager asks."""

    status: PeerStatus
    accepted_from: tuple[str, ...]
    """The source (see `places`) of each accepted session, for the bound per address."""


@attrs.frozen(slots=True)
class ListPeers:
    """Reply: tuple of `PeerStatus`, by peer id."""


@attrs.frozen(slots=True)
class FillPool:
    """To the manager, from its own timer: have an actor for each kept peer."""


# --- to a peer's actor ---


@attrs.frozen(slots=True)
class OpenStream:
    """Reply: `OpenedStream`; dials if it must."""

    peer: PeerId
    protocol: str
    deadline: float
    """When the caller gives up, in seconds of the monotonic clock."""
    addresses: tuple[Multiaddr, ...] = ()
    """Where to dial before what is known, if there is no session."""
    visit: bool = False
    """Whether that makes it no acquaintance (see `visits`)."""


@attrs.frozen(slots=True)
class OpenedStream:
    """A stream that belongs to its session's actor until somebody adopts it."""

    stream: Stream
    dialled: Multiaddr | None = None
    """The address at which this node dialled the session; None when the peer did."""

    def dispose(self) -> None:
        """The caller is gone: reset it."""
        self.stream.abort()


@attrs.frozen(slots=True)
class Connect:
    """Have a session; if there is none, dial `addresses` before what is known. Reply: None once it is up."""

    peer: PeerId
    addresses: tuple[Multiaddr, ...]
    deadline: float


@attrs.frozen(slots=True)
class DialAt:
    """Find the peer at this very address, also while another session stands. Reply: None, or `PeerOffline`."""

    peer: PeerId
    address: Multiaddr


@attrs.frozen(slots=True)
class PingPeer:
    """Reply: `Ping`."""

    peer: PeerId
    deadline: float


@attrs.frozen(slots=True)
class Wake:
    """What the manager knows of the peer: take it over, and report. None: ask it by `Started`."""

    entry: Entry | None


@attrs.frozen(slots=True)
class Disconnect:
    """From the manager, after a `Wake`: the peer was released, so close all sessions and stop dialling."""


@attrs.frozen(slots=True)
class AdoptSession:
    """An established session for this peer; `dialled` is the address that this node dialled, None if accepted."""

    established: Established
    dialled: Multiaddr | None
    dial: int | None = None
    """The number of the peer's dial that led to it (see `dials`), if one did."""

    def dispose(self) -> None:
        """Nobody takes it over: cut it."""
        self.established.dispose()


@attrs.frozen(slots=True)
class DialEnded:
    """From the dial's worker, after its `AdoptSession` if it succeeded; `failure` is a sentence if not."""

    number: int
    failure: str | None


@attrs.frozen(slots=True)
class DialledAt:
    """From the worker of a `DialAt`, after its `AdoptSession` if it succeeded; `reply` waits for the outcome."""

    address: Multiaddr
    reply: Reply
    failure: str | None


@attrs.frozen(slots=True)
class Retry:
    """From the peer's own timer: the back-off is over."""


@attrs.frozen(slots=True)
class Stayed:
    """From the peer's own timer: the stranger is still there, so talk with it."""


@attrs.frozen(slots=True)
class Lingered:
    """From the peer's own timer: nobody wanted it for a while."""


@attrs.frozen(slots=True)
class Identified:
    """From a session: what the peer says about itself."""

    number: int
    info: IdentifyInfo


@attrs.frozen(slots=True)
class Used:
    """From a session: the peer opened a stream for something else than what visits ask for."""


@attrs.frozen(slots=True)
class EndVisit:
    """From `Visits`: there are too many. A peer that is an acquaintance by now stays."""


@attrs.frozen(slots=True)
class Left:
    """From a session: the peer takes no new streams on it."""

    number: int


# --- to a session's actor ---


@attrs.frozen(slots=True)
class Drain:
    """Close once there are no streams; or, with False, go on after all."""

    draining: bool


@attrs.frozen(slots=True)
class CheckDrained:
    """From its own timer; `idle` says that there were no streams last time."""

    idle: bool


@attrs.frozen(slots=True)
class CloseSession:
    """End the session in order."""
