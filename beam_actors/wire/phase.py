"""How far a session has come, and where it may go from there."""

import enum
from typing import Final


class Phase(enum.Enum):
    """How far a session has come."""

    SUITE = "agreeing on a cipher suite"
    HANDSHAKE = "proving identities"
    MUXER = "agreeing on a muxer"
    OPEN = "open"
    ENDED = "ended"


PHASES: Final[dict[Phase, tuple[Phase, ...]]] = {
    Phase.SUITE: (Phase.HANDSHAKE, Phase.ENDED),
    Phase.HANDSHAKE: (Phase.MUXER, Phase.OPEN, Phase.ENDED),
    Phase.MUXER: (Phase.OPEN, Phase.ENDED),
    Phase.OPEN: (Phase.ENDED,),
    Phase.ENDED: (),
}
"""Which phase may follow which."""
