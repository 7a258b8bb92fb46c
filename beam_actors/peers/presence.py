"""Who is connected, for an actor that was not there when it was announced: it restarted, or the peers' manager did."""

from typing import Protocol

import structlog
import trio

from beam_actors.errors import BeamError
from beam_actors.values import PeerId

_RETRY = 1.0
_log = structlog.get_logger(__name__)


class Connected(Protocol):
    """What is needed of the facade `Peers`."""

    async def connected(self) -> tuple[PeerId, ...]:
        """The peers with a session."""
        ...


async def who_is_up(peers: Connected) -> tuple[PeerId, ...]:
    """The peers with a session, as soon as somebody can say it: whoever stays connected is announced by nobody."""
    while True:
        try:
            return await peers.connected()
        except BeamError as error:
            _log.debug("who is connected is not known yet", error=str(error))
            await trio.sleep(_RETRY)
