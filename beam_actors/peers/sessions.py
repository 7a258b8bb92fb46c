"""How this node introduces itself: makes the wire sessions of all handshakes, dialled and accepted.

The invariant: one static Noise key per process and a fresh ephemeral seed per session; a dialled session accepts the
expected peer and nobody else. It opens no connection itself.
"""

from collections.abc import Collection, Iterable

from beam_actors import __version__
from beam_actors.identity import PeerKey
from beam_actors.ports import Clock, Entropy
from beam_actors.values import Address, Multiaddr, PeerId, TcpAddress
from beam_actors.wire import (
    NOISE,
    IdentifyInfo,
    PeerRecord,
    Role,
    Security,
    Session,
    SessionLimits,
    WindowBudget,
    sign_record,
)

AGENT = f"beam-actors/{__version__}"


class SessionMaker:
    """Makes sessions in this node's name."""

    def __init__(
        self,
        *,
        key: PeerKey,
        entropy: Entropy,
        protocols: Collection[str],
        protocol_version: str,
        limits: SessionLimits | None = None,
        budget: WindowBudget | None = None,
        security: Security = NOISE,
    ) -> None:
        self._key = key
        self._entropy = entropy
        self._static_seed = entropy.token(32)
        self._protocols = frozenset(protocols)
        self._protocol_version = protocol_version
        self._limits = limits
        self._budget = budget
        self._security = security

    def __repr__(self) -> str:
        return f"SessionMaker({self._key.peer_id}, {sorted(self._protocols)})"

    @property
    def us(self) -> PeerId:
        """The id of this node."""
        return self._key.peer_id

    def make(
        self,
        role: Role,
        *,
        expected: PeerId | None,
        local: Address | None,
        remote: Address | None,
        listening: Iterable[TcpAddress],
    ) -> Session:
        """A session over a connection with these ends, from a node that listens at `listening`."""
        return Session(
            role,
            key=self._key,
            static_seed=self._static_seed,
            ephemeral_seed=self._entropy.token(32),
            expected=expected,
            protocols=self._protocols.__contains__,
            limits=self._limits,
            info=IdentifyInfo(
                agent=AGENT,
                protocol_version=self._protocol_version,
                protocols=tuple(sorted(self._protocols)),
                addresses=announced(listening, local),
                observed=Multiaddr.from_address(remote) if isinstance(remote, TcpAddress) else None,
            ),
            budget=self._budget,
            security=self._security,
        )


def own_record(key: PeerKey, clock: Clock, listening: Iterable[TcpAddress], local: Address | None) -> PeerRecord:
    """This node's signed record as of now, with a wildcard shown as the address by which the peer sees us."""
    milliseconds = max(0, int(clock.wall() * 1000))  # a clock may stand before 1970
    return sign_record(key, milliseconds, announced(listening, local))


def announced(listening: Iterable[TcpAddress], local: Address | None) -> tuple[Multiaddr, ...]:
    """What to tell a peer of where this node listens: a wildcard becomes the address by which this peer sees us."""
    found: dict[Multiaddr, None] = {}
    for address in listening:
        if not address.is_wildcard:
            found[Multiaddr.from_address(address)] = None
        elif isinstance(local, TcpAddress) and (":" in local.ip) == (":" in address.ip):
            found[Multiaddr.from_address(TcpAddress(local.ip, address.port))] = None
    return tuple(found)
