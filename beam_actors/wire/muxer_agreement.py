"""Which muxer a session speaks: multistream-select inside the encrypted channel, where the handshake chose none.

Source: libp2p/specs connections, "Upgrading Connections". A peer whose handshake payload names muxers is spared it.

Invariant: not a byte reaches the multiplexer before there is a muxer and whoever holds the session was told so, and
all behind the last message does, in one record with it or not. It knows neither streams nor who is at the other end.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire.channel import Channel
from beam_actors.wire.multistream import Proposer
from beam_actors.wire.mux import Multiplexer
from beam_actors.wire.noise import Role
from beam_actors.wire.opening import negotiate

YAMUX: Final = "/yamux/1.0.0"
MUXERS: Final = (YAMUX,)
"""What this node speaks, most wanted first; the same for the handshake's payload."""


class MuxerAgreement:
    """One end of it; once there is a muxer it calls `agreed`, and leaves the channel to `mux`."""

    __slots__ = ("_agreed", "_mux", "_negotiation")

    def __init__(self, role: Role, mux: Multiplexer, agreed: Callable[[], None]) -> None:
        self._negotiation = negotiate(role, MUXERS)
        self._mux = mux
        self._agreed = agreed

    def __repr__(self) -> str:
        return f"<MuxerAgreement on {self._negotiation.chosen or 'nothing yet'}>"

    def begin(self, channel: Channel) -> None:
        """Propose, if that is this role's part, and read the channel from now on."""
        if isinstance(self._negotiation, Proposer):
            self._mux.outbox.plaintext(self._negotiation.opening)
        channel.reader = partial(self._read, channel)

    def _read(self, channel: Channel, plaintext: memoryview) -> int:
        """Read the negotiation and what is behind it, as `channel.Reader` says."""
        used, replies = self._negotiation.receive(plaintext)
        self._mux.outbox.plaintext(replies)
        if isinstance(self._negotiation, Proposer) and self._negotiation.declined:
            raise RemoteProtocolError("The peer does not speak yamux.")
        if self._negotiation.chosen is None:
            return len(plaintext)
        channel.reader = self._mux.receive
        self._agreed()
        return used + self._mux.receive(plaintext[used:])
