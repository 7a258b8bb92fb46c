"""How a session's connection is secured: the cipher suites, and what shakes hands in one of them.

Invariant: `NOISE` is all that a daemon ever speaks. Whoever composes nodes for a simulation may give them another
`Security`: suites whose AEADs are watched, or one that costs nothing. No such thing exists outside of the testing room,
and a daemon, which proposes and accepts the suites of `NOISE`, agrees with nobody on one.
"""

from typing import Final, Protocol

import attrs

from beam_actors.identity import PeerKey
from beam_actors.values import PeerId
from beam_actors.wire.handshaking import Handshaking
from beam_actors.wire.libp2p_noise import SecureHandshake
from beam_actors.wire.noise import AES, CHACHA, Role, Suite

SUITES: Final = (AES, CHACHA)
"""In the order of preference: a beam node takes the first, every libp2p node the second."""


class BeginHandshake(Protocol):
    """Makes one end of a handshake; `SecureHandshake` says what each argument means."""

    def __call__(
        self,
        suite: Suite,
        role: Role,
        *,
        key: PeerKey,
        static_seed: bytes,
        ephemeral_seed: bytes,
        expected: PeerId | None,
        muxers: tuple[str, ...],
    ) -> Handshaking:
        """Begin it."""
        ...


@attrs.frozen(slots=True, kw_only=True)
class Security:
    """The acceptable suites, most wanted first, and their handshake."""

    suites: tuple[Suite, ...] = SUITES
    handshake: BeginHandshake = attrs.field(default=SecureHandshake, repr=False)


NOISE: Final = Security()
"""Noise XX as libp2p uses it, in both suites."""
