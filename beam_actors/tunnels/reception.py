"""The reception: who takes inbound tunnel streams in the pump, without a message, when nothing needs waiting or words.

Invariant: it takes a stream whose request is all there and whose tunnel lets the peer in now; of any other it has taken
nothing, and the acceptor finds it as it came. Made once, when the room is wired; it decides nothing itself.
"""

from beam_actors.errors import NetworkError, RemoteProtocolError
from beam_actors.flow import Stream
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.protocol import MAX_MESSAGE, decode_request
from beam_actors.values import PeerId
from beam_actors.wire import FrameReader


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
        if self._directory is None:
            return False
        reader = FrameReader(MAX_MESSAGE)
        try:
            data = stream.read_nowait(reader.wanted)
            if not data:
                return False
            reader.feed(data)
            if self._taken(peer, stream, reader):
                return True
            stream.unread(data)
        except NetworkError:
            pass  # whoever reads next is told
        return False

    def _taken(self, peer: PeerId, stream: Stream, reader: FrameReader) -> bool:
        try:
            body = reader.next()
            request = None if body is None else decode_request(body)
        except RemoteProtocolError:
            return False
        if request is None or self._directory is None:
            return False
        server = self._directory.server(request.name, request.port)
        return server is not None and server(peer, stream, reader.rest())
