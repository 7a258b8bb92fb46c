"""What owners of links are told. Messages that carry a handle dispose of it when nobody receives them."""

from typing import TYPE_CHECKING

import attrs

from beam_actors.errors import BeamError
from beam_actors.flow.session import SessionHandle
from beam_actors.flow.stream import Stream
from beam_actors.values import PeerId
from beam_actors.wire import Suite

if TYPE_CHECKING:
    from beam_actors.flow.facade import ListenerHandle


@attrs.frozen(slots=True)
class Accepted:
    """A listener took a connection; it belongs to the listener's owner until adopted."""

    stream: Stream
    listener: "ListenerHandle"

    def dispose(self) -> None:
        """Reset a connection that nobody will serve."""
        self.stream.abort()


@attrs.frozen(slots=True)
class SessionUp:
    """The peer proved who it is; streams may be opened."""

    peer: PeerId
    suite: Suite
    session: SessionHandle


@attrs.frozen(slots=True)
class IncomingStream:
    """The peer opened a stream of a protocol that is served here; it belongs to the session's owner until adopted."""

    protocol: str
    stream: Stream
    session: SessionHandle

    def dispose(self) -> None:
        """Reset a stream that nobody will serve."""
        self.stream.abort()


@attrs.frozen(slots=True)
class SessionDown:
    """The session ended and its streams are gone. The last message; None means that an end closed it in order."""

    error: BeamError | None
    session: SessionHandle
