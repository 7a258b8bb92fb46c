"""What the control API needs of a node, as one small Protocol over the values of `results`.

The implementation lives at the composition root; this room never sees peers, naming or tunnels.
"""

from typing import Protocol, Self

from beam_actors.control.names import (
    Conflict,
    NameEvent,
    NameRow,
    PetnameMade,
    PinMade,
    Progress,
    Registered,
    Resolution,
    Revoked,
)
from beam_actors.control.results import (
    CaInfo,
    Connected,
    Disconnected,
    Exposed,
    ExposeRequest,
    ForwardRequest,
    ForwardRow,
    Identity,
    PeerRow,
    PingResult,
    Status,
    TraceRequest,
    TraceRow,
    Tree,
    TunnelRow,
)
from beam_actors.values import Multiaddr, OwnerId, PeerId


class TraceFeed(Protocol):
    """A trace that runs; leaving it as a context ends it. One task at a time reads it."""

    @property
    def actor(self) -> str:
        """The path that is watched."""
        ...

    @property
    def ended(self) -> str | None:
        """Why there is no more: "limit", "gone" (its actor ended for good), or None while it runs."""
        ...

    @property
    def recorded(self) -> int:
        """How many records there were."""
        ...

    @property
    def missed(self) -> int:
        """How many more there would have been, beyond the rate or what a slow reader can take."""
        ...

    async def next(self) -> TraceRow | None:
        """The next record, or None at the end; nothing is lost when it is cancelled."""
        ...

    def __enter__(self) -> Self:
        """Nothing more."""
        ...

    def __exit__(self, *error: object) -> None:
        """End it."""
        ...


class NodeApi(Protocol):
    """A node as its control API sees it. Every method may raise any `BeamError`; anything else is a bug there.

    Text for a name is what a person typed, with or without suffix; the node applies the grammar.
    """

    async def id(self) -> Identity:
        """Who this node is."""
        ...

    async def status(self) -> Status:
        """One look at the node."""
        ...

    async def peers(self) -> tuple[PeerRow, ...]:
        """The peers that are wanted or connected."""
        ...

    async def connect(self, address: Multiaddr) -> Connected:
        """Find a peer at this very address, then remember it; PeerOffline, and nothing is remembered."""
        ...

    async def disconnect(self, peer: PeerId) -> Disconnected:
        """Undo `connect`: remember the peer no more, and close its sessions; PeerNotKept, and nothing is closed."""
        ...

    async def ping(self, target: str) -> PingResult:
        """One round trip to a peer id or to the peer that serves a name."""
        ...

    async def expose(self, request: ExposeRequest) -> Exposed:
        """Offer a service, registering its name; UsageError, NotAllowed, NameTaken (unless contested), QuotaExceeded.

        A name that was not registered before stays so when the service is not offered.
        """
        ...

    async def unexpose(self, tunnel: str) -> TunnelRow:
        """Withdraw a tunnel and end its connections; return what it was.

        `tunnel` is its id, its name (with or without suffix), its target, or its target's port on this machine;
        TunnelNotFound when that is none, and UsageError when it may be several.
        """
        ...

    async def tunnels(self) -> tuple[TunnelRow, ...]:
        """The offered services."""
        ...

    async def forward(self, request: ForwardRequest) -> ForwardRow:
        """Hold a local port; returns once it listens; AddressInUse, NameNotFound."""
        ...

    async def unforward(self, forward: str) -> ForwardRow:
        """Give up the forward with that id, local address or port, or destination.

        TunnelNotFound when that is none, and UsageError when it may be several.
        """
        ...

    async def forwards(self) -> tuple[ForwardRow, ...]:
        """The held local ports."""
        ...

    async def register(
        self, name: str, *, contest: bool, background: bool = False, work: int | None = None
    ) -> Registered:
        """Claim a name; NameTaken unless `contest`; InvalidName, QuotaExceeded.

        Return when it is claimed, or, if `background`, when nothing but work is missing. `work` is a level to be shown
        later, if that is more than the network asks for; it takes the place of a level that was asked for before.
        """
        ...

    async def progress(self, name: str) -> Progress:
        """How far a registered name is from being claimed, without asking a peer; NameNotFound, NotAllowed."""
        ...

    async def release(self, name: str) -> bool:
        """Give up an owned name, wherever it is kept, by a signed tombstone; NameNotFound, NotAllowed.

        False: it was forgotten only, since the owner is revoked.
        """
        ...

    async def names(self) -> tuple[NameRow, ...]:
        """The names that are owned, here and as far as is known elsewhere, or pinned here, and petnames."""
        ...

    async def resolve(self, name: str) -> Resolution:
        """What a name leads to, as a browser on this machine would be led; NameNotFound, NameContested."""
        ...

    async def pin(self, name: str, owner: OwnerId | None) -> PinMade:
        """Hold on to an owner for a name (None: the one that it resolves to now).

        NameContested without an owner; NotAllowed for somebody else's claim to an own name, which goes before any pin.
        """
        ...

    async def unpin(self, name: str) -> None:
        """Forget a pin; NameNotFound."""
        ...

    async def petname(self, petname: str, name: str) -> PetnameMade:
        """Let a name that is known here alone stand for a name of the owner in `name`, or of its owner now.

        NameNotFound, NameContested without an owner; NotAllowed for an own or a pinned name; QuotaExceeded.
        """
        ...

    async def forget_petname(self, petname: str) -> None:
        """Forget a petname; NameNotFound."""
        ...

    async def events(self, after: int) -> tuple[NameEvent, ...]:
        """What happened to own and bound names after event number `after`, as far as it is kept."""
        ...

    async def revoke(self, claim: bytes) -> Revoked:
        """Take in an owner's signed revocation, and pass it on; ClaimRefused for anything else."""
        ...

    async def conflicts(self) -> tuple[Conflict, ...]:
        """The contested names that are known here."""
        ...

    async def tree(self) -> Tree:
        """The live supervision tree; never asks an actor, so that it answers while the core restarts."""
        ...

    async def trace(self, request: TraceRequest) -> TraceFeed:
        """Watch what an actor handles; ActorNotFound if there is none, UsageError if several are meant, TracesFull."""
        ...

    async def crash(self, path: str) -> None:
        """Crash the actor at a path; NotAllowed unless the node was started for it; ActorNotFound if there is none."""
        ...

    async def ca(self) -> CaInfo:
        """The local CA's root certificate."""
        ...

    async def stop(self) -> None:
        """Begin an ordered shutdown and return at once."""
        ...
