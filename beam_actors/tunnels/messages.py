"""What the actors of this room say to each other, and what they report. What carries a stream has `dispose`."""

from collections.abc import Callable
from typing import Literal

import attrs

from beam_actors.flow import NO_TRAFFIC, Stream, Traffic
from beam_actors.tunnels.protocol import Answer, Request
from beam_actors.tunnels.spec import ForwardSpec, TunnelSpec
from beam_actors.values import PeerId


@attrs.frozen(slots=True, kw_only=True)
class TunnelStatus:
    """An offered tunnel and what went through it: `traffic` from those who come to the service, `forth`, and `back`.

    `refused` and `failed` start anew with each incarnation of its actor, all of it with the pump's.
    """

    spec: TunnelSpec
    running: bool
    """False for a moment, while its actor restarts."""
    traffic: Traffic = NO_TRAFFIC
    refused: int = 0
    failed: int = 0

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.spec.key


ForwardState = Literal["no-port", "unused", "works", "fails"]
"""`no-port`: it doesn't listen, for somebody else has the local port, or its actor restarts. `unused`: nobody has
connected since its actor started. `works`, `fails`: so did the last connection."""


@attrs.frozen(slots=True, kw_only=True)
class ForwardStatus:
    """A forward and what went through it: `traffic` from the programs here to the far end, `forth`, and `back`.

    `failed` connections got no tunnel since its actor started. `failure` is what went wrong last, when the local port
    was tried or a connection opened, and stays when it works again; `failed_at` is when (since 1970).
    """

    spec: ForwardSpec
    state: ForwardState
    traffic: Traffic = NO_TRAFFIC
    failed: int = 0
    failure: str | None = None
    failed_at: float | None = None

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.spec.key

    @property
    def listening(self) -> bool:
        """Whether a program can connect to the local port."""
        return self.state != "no-port"


# --- to the catalogue ---


@attrs.frozen(slots=True)
class CheckOffer:
    """Would it be offered? Reply: None, or what speaks against it apart from the store.

    `NotAllowed`, `QuotaExceeded`.
    """

    spec: TunnelSpec


@attrs.frozen(slots=True)
class Expose:
    """Offer it, durably. Reply: `TunnelSpec` as it stands."""

    spec: TunnelSpec


@attrs.frozen(slots=True)
class SelectTunnel:
    """Which tunnel does a person mean by `selector`? Reply: its `TunnelSpec`, `TunnelNotFound` or `UsageError`."""

    selector: str


@attrs.frozen(slots=True)
class Unexpose:
    """Withdraw it and cut its connections; if it is offered no more, nothing happens. So it may be asked twice."""

    spec: TunnelSpec


@attrs.frozen(slots=True)
class ListTunnels:
    """Reply: tuple of `TunnelSpec`."""


@attrs.frozen(slots=True)
class ListLeft:
    """Reply: frozenset of the names under which an earlier run offered what its commands may offer again."""


@attrs.frozen(slots=True)
class ForgetLeft:
    """To itself: who did not come back by now does not come."""


# --- to a tunnel ---


@attrs.frozen(slots=True)
class DialTarget:
    """A program of this machine asks for this node's own tunnel. Reply: `TargetStream`, or what a visitor is told."""


@attrs.frozen(slots=True)
class TargetStream:
    """A connection to the target; it belongs to the tunnel's actor until somebody adopts it."""

    stream: Stream

    def dispose(self) -> None:
        """The asker is gone: reset it."""
        self.stream.abort()


@attrs.frozen(slots=True)
class Serve:
    """A peer asks for this tunnel; its request has been read."""

    peer: PeerId
    request: Request
    stream: Stream

    def dispose(self) -> None:
        """Nobody serves it: reset it."""
        self.stream.abort()


@attrs.frozen(slots=True)
class TurnAway:
    """Tell a peer no, in words. Its place among those that are served is given back by `release`, whatever happens."""

    stream: Stream
    answer: Answer
    release: Callable[[], None]

    def dispose(self) -> None:
        """Nobody says it: reset the stream."""
        self.stream.abort()
        self.release()


@attrs.frozen(slots=True)
class Describe:
    """To a tunnel or a forward. Reply: `TunnelStatus` or `ForwardStatus`."""


# --- to the list of forwards ---


@attrs.frozen(slots=True)
class Forward:
    """Let a local port lead there, durably; port 0 means any free one. Reply: `ForwardSpec` with the real port."""

    spec: ForwardSpec


@attrs.frozen(slots=True)
class SelectForward:
    """Which forward does a person mean by `selector`? Reply: its `ForwardSpec`, `TunnelNotFound` or `UsageError`."""

    selector: str


@attrs.frozen(slots=True)
class Unforward:
    """Give it up and cut its connections; if there is none any more, nothing happens. So it may be asked twice."""

    spec: ForwardSpec


@attrs.frozen(slots=True)
class ListForwards:
    """Reply: tuple of `ForwardSpec`."""


# --- to a forward ---


@attrs.frozen(slots=True)
class Listen:
    """Listen, if it doesn't. Reply: None, or the `NetworkError` that prevents it."""


@attrs.frozen(slots=True)
class ListenAgain:
    """The same from its own timer, which goes on until it listens."""
