"""What the actors of this room say to each other, and what they report. What carries a stream has `dispose`."""

import attrs

from beam_actors.flow import NO_TRAFFIC, Stream, Traffic
from beam_actors.tunnels.protocol import Request
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


@attrs.frozen(slots=True, kw_only=True)
class ForwardStatus:
    """A forward and what went through it: `traffic` from the programs here to the far end, `forth`, and `back`.

    `failure` says why it doesn't listen, or how the last connection failed.
    """

    spec: ForwardSpec
    listening: bool
    traffic: Traffic = NO_TRAFFIC
    failed: int = 0
    failure: str | None = None

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.spec.key


# --- to the catalogue ---


@attrs.frozen(slots=True)
class CheckOffer:
    """Would it be offered? Reply: None, or what speaks against it apart from the store: `UsageError`, `NotAllowed`."""

    spec: TunnelSpec


@attrs.frozen(slots=True)
class Expose:
    """Offer it, durably. Reply: `TunnelSpec` as it stands."""

    spec: TunnelSpec


@attrs.frozen(slots=True)
class SelectTunnel:
    """Which tunnel does a person mean by `selector`? Reply: its `TunnelSpec`, or `TunnelNotFound`."""

    selector: str


@attrs.frozen(slots=True)
class Unexpose:
    """Withdraw it and cut its connections; if it is offered no more, nothing happens. So it may be asked twice."""

    spec: TunnelSpec


@attrs.frozen(slots=True)
class ListTunnels:
    """Reply: tuple of `TunnelSpec`."""


# --- to a tunnel ---


@attrs.frozen(slots=True)
class Reach:
    """A program of this machine asks for this node's own tunnel. Reply: `Reached`, or what a visitor would be told."""


@attrs.frozen(slots=True)
class Reached:
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
class Describe:
    """To a tunnel or a forward. Reply: `TunnelStatus` or `ForwardStatus`."""


# --- to the list of forwards ---


@attrs.frozen(slots=True)
class Forward:
    """Let a local port lead there, durably; port 0 means any free one. Reply: `ForwardSpec` with the real port."""

    spec: ForwardSpec


@attrs.frozen(slots=True)
class SelectForward:
    """Which forward does a person mean by `selector`? Reply: its `ForwardSpec`, or `TunnelNotFound`."""

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
