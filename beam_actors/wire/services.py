"""What a session does with streams before, or instead of, handing them to the application.

Each stream that the peer opens is negotiated here. Identify, its push and ping are answered here; all else belongs to
the application. Both kinds are bounded in number, and what is beyond the bounds is reset.
"""

from collections.abc import Callable
from typing import Final

from beam_actors.values import PeerId
from beam_actors.wire import identify
from beam_actors.wire.dialogs import PING_PROTOCOL, Answered, Echo, IdentifyReading, Inbound, Outbound
from beam_actors.wire.limits import SessionLimits
from beam_actors.wire.mux import Multiplexer
from beam_actors.wire.stream import Stream

_PUSH: Final = 32
"""What an identify push is worth in wasted frames: reading it takes so much work."""
_OWN: Final = (identify.PROTOCOL, identify.PUSH_PROTOCOL, PING_PROTOCOL)


class Services:
    """Admits and negotiates the peer's streams, and answers some, once `begin` was called.

    Args:
        protocols: whether the application serves a protocol.
        limits: how many streams may be in negotiation, and how many are answered here.
        own_info: this node's identify message.
    """

    __slots__ = ("_answering", "_limits", "_mux", "_negotiating", "_own_info", "_peer", "_protocols")

    def __init__(self, protocols: Callable[[str], bool], limits: SessionLimits, own_info: Callable[[], bytes]) -> None:
        self._protocols = protocols
        self._limits = limits
        self._own_info = own_info
        self._mux: Multiplexer | None = None
        self._peer: PeerId | None = None
        self._negotiating: set[int] = set()
        self._answering: set[int] = set()

    def begin(self, mux: Multiplexer, peer: PeerId) -> None:
        """The session is established: ask the peer to identify itself, and serve it."""
        self._mux = mux
        self._peer = peer
        Outbound.open(mux, identify.PROTOCOL, lambda stream: IdentifyReading(mux, stream, peer))

    def admit(self, stream: Stream) -> bool:
        """Negotiate the protocol of a stream that the peer opened, unless too many are negotiated already."""
        if self._mux is None or len(self._negotiating) >= self._limits.unanswered_streams:
            return False
        self._negotiating.add(stream.id)
        stream.dialog = Inbound(self._mux, stream, self._supports, self._serve)
        return True

    def gone(self, stream: Stream) -> None:
        """The stream has left the table."""
        self._negotiating.discard(stream.id)
        self._answering.discard(stream.id)

    def _supports(self, protocol: str) -> bool:
        return protocol in _OWN or self._protocols(protocol)

    def _serve(self, stream: Stream, protocol: str) -> bool:
        """Both ends agreed to a stream's protocol: whether it is answered here."""
        self._negotiating.discard(stream.id)
        if protocol not in _OWN or self._mux is None or self._peer is None:
            return False
        if len(self._answering) >= self._limits.service_streams:
            self._mux.reset(stream)
            return True
        self._answering.add(stream.id)
        if protocol == PING_PROTOCOL:
            stream.dialog = Echo(self._mux, stream)
        elif protocol == identify.PUSH_PROTOCOL:
            self._mux.allowance.waste(_PUSH)  # it says something once, and nothing the hundredth time
            stream.dialog = IdentifyReading(self._mux, stream, self._peer)
        else:
            stream.dialog = Answered(self._mux, stream, self._own_info())
        return True
