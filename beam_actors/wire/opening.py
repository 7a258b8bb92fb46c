"""The beginning of a session, in the clear: both ends agree on a cipher suite and prove who they are.

Invariant: nothing but the negotiation and the handshake is said before there is a cipher, and not a byte behind the
last handshake message is touched: it is the first of the encrypted channel's. It knows no muxer but by name, and no
stream. Once `done`, it is to be dropped, with the seeds that it holds.
"""

from collections.abc import Callable, Sequence

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire.handshaking import Handshaking
from beam_actors.wire.multistream import Listener, Proposer
from beam_actors.wire.noise import Role, Suite


def negotiate(role: Role, choices: Sequence[str]) -> Proposer | Listener:
    """This role's end of a multistream negotiation of one of these protocols."""
    return Proposer(choices) if role is Role.INITIATOR else Listener(tuple(choices).__contains__)


class Opening:
    """One end of the beginning. What it has to say is appended to `out`; whoever sends takes it from there.

    Args:
        role: the initiator proposes and writes first.
        suites: what is acceptable, most wanted first.
        handshake: begins the handshake of the suite that was agreed on.
    """

    def __init__(self, role: Role, *, suites: Sequence[Suite], handshake: Callable[[Suite], Handshaking]) -> None:
        self._suites = {suite.protocol: suite for suite in suites}
        self._begin = handshake
        self._negotiation = negotiate(role, tuple(self._suites))
        self._handshake: Handshaking | None = None
        self.out = bytearray()
        if isinstance(self._negotiation, Proposer):
            self.out += self._negotiation.opening

    def __repr__(self) -> str:
        return f"<Opening {'shaking hands' if self.agreed else 'agreeing on a suite'}>"

    @property
    def agreed(self) -> bool:
        """Whether there is a suite."""
        return self._handshake is not None

    @property
    def done(self) -> Handshaking | None:
        """The handshake, once it is complete: its ciphers, its muxer and the other end's identity."""
        return self._handshake if self._handshake is not None and self._handshake.complete else None

    def receive(self, data: memoryview) -> memoryview:
        """Feed what the network delivered: what is left of it for the encrypted channel.

        Raises:
            RemoteProtocolError: no suite of ours, or a handshake that is wrong or proves nothing.
            WrongPeer: as `Handshaking.receive`.
        """
        if self._handshake is None:
            used, replies = self._negotiation.receive(data)
            self.out += replies
            if isinstance(self._negotiation, Proposer) and self._negotiation.declined:
                raise RemoteProtocolError("The peer speaks no cipher suite of ours.")
            if self._negotiation.chosen is None:
                return data[used:]
            self._handshake = self._begin(self._suites[self._negotiation.chosen])
            self.out += self._handshake.opening()
            data = data[used:]
        used, replies = self._handshake.receive(data)
        self.out += replies
        return data[used:]
