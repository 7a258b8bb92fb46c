"""The reception: who takes inbound tunnel streams in the pump, without a message, when nothing needs waiting or words.

Invariant: it takes a stream whose request is all there and whose tunnel lets the peer in now; of any other it has taken
nothing, and the acceptor finds it as it came. Made once, when the room is wired; it decides nothing itself.
"""

from beam_actors.errors import RemoteProtocolError
from beam_actors.flow import Stream
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.protocol import decode_request_cached
from beam_actors.values import PeerId

_SHORT = 1 + 0x7F
"""Bytes of a frame whose length is one byte, at most."""


class Reception:
    """Is asked about the streams of `/beam/tunnel/1`, once `open` was called."""

    def __init__(self) -> None:
        self._directory: Directory | None = None

    def __repr__(self) -> str:
        return f"Reception({self._directory!r})"

    def open(self, directory: Directory) -> None:
        """Find tunnels there from now on."""
        self._directory = directory

    def take(self, peer: PeerId, stream: Stream) -> bool:
        """Have the tunnel that is meant serve it; False if somebody has to wait for something, or to say no."""
        head = stream.peek(_SHORT)
        end = 1 + head[0] if head else 0  # a request whose length takes two bytes is rare, and the acceptor's
        if self._directory is None or not 1 < end <= min(_SHORT, len(head)):
            return False
        try:
            request = decode_request_cached(head[1:end])
        except RemoteProtocolError:
            return False
        server = self._directory.server(request.name, request.port)
        return server is not None and server(peer, stream, end)
