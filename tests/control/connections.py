"""A connection in memory, of which the tests hold the client's end."""

import json

import h11
import trio
import trio.testing

from beam_actors.errors import ConnectionLost
from beam_actors.ports import PeerCredentials

UID = 1000


class ServerEnd:
    """`serving.Connection` over one end of a pair; `closed` says how it ended."""

    def __init__(self, stream, uid=UID):
        self._stream = stream
        self.credentials = None if uid is None else PeerCredentials(uid, uid, 1)
        self.closed = None

    async def read(self, limit):
        try:
            return bytes(await self._stream.receive_some(limit))
        except trio.ClosedResourceError as error:
            raise ConnectionLost("closed") from error
        except trio.BrokenResourceError as error:
            raise ConnectionLost("broken") from error

    async def write(self, data):
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionLost("broken") from error

    def close(self):
        self.closed = self.closed or "close"
        self._stream.send_stream.close()
        self._stream.receive_stream.close()

    def abort(self):
        self.closed = "abort"
        self.close()


def pair(uid=UID):
    """(server's end, client)."""
    ours, theirs = trio.testing.memory_stream_pair()
    return ServerEnd(ours, uid), Client(theirs)


class Client:
    """An HTTP client on the other end."""

    def __init__(self, stream):
        self.stream = stream
        self.http = h11.Connection(h11.CLIENT)

    async def ask(self, method, path, body=None, headers=(("Host", "beam"),)):
        """Ask and return (status, object); the connection may be used again."""
        status = await self.begin(method, path, body, headers)
        content = b""
        while isinstance(event := await self.event(), h11.Data):
            content += event.data
        if self.http.our_state is h11.DONE and self.http.their_state is h11.DONE:
            self.http.start_next_cycle()
        return status, json.loads(content)

    async def begin(self, method, path, body=None, headers=(("Host", "beam"),)):
        content = b"" if body is None else json.dumps(body).encode()
        request = h11.Request(method=method, target=path, headers=[*headers, ("Content-Length", str(len(content)))])
        data = b"".join(self.http.send(event) for event in (request, h11.Data(data=content), h11.EndOfMessage()))
        await self.stream.send_all(data)
        response = await self.event()
        return response.status_code

    async def line(self):
        """The next line of a streamed answer, None at its end."""
        event = await self.event()
        return json.loads(event.data) if isinstance(event, h11.Data) else None

    async def event(self):
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(bytes(await self.stream.receive_some(65536)))
        return event

    def hang_up(self):
        self.stream.send_stream.close()
        self.stream.receive_stream.close()
