"""Streams in memory with the surface of `flow.Stream`, and what stands at the ends of tunnels."""

import trio

from beam_actors.errors import ConnectionLost, LocalProtocolError
from beam_actors.values import TcpAddress


class FakeStream:
    """One end of a pair; both directions are trio channels of bytes, and a reset is seen by the other end."""

    def __init__(self, sender, receiver, *, remote=None):
        self._sender = sender
        self._receiver = receiver
        self._held = b""
        self.remote = remote or TcpAddress("127.0.0.1", 50000)
        self.local = TcpAddress("127.0.0.1", 8443)
        self.state = "open"
        self.spliced_with = None
        self.tag = None
        self.other = None

    @classmethod
    def pair(cls, *, remote=None, room=1000):
        a_sends, b_receives = trio.open_memory_channel(room)
        b_sends, a_receives = trio.open_memory_channel(room)
        a, b = cls(a_sends, a_receives, remote=remote), cls(b_sends, b_receives)
        a.other, b.other = b, a
        return a, b

    async def read(self, limit=1 << 16):
        self._living()
        if not self._held:
            try:
                self._held = await self._receiver.receive()
            except trio.EndOfChannel:
                if self.other.state == "aborted":
                    raise ConnectionLost("The other end reset the connection.") from None
                return b""
        data, self._held = self._held[:limit], self._held[limit:]
        return data

    def unread(self, data):
        self._living()
        self._held = data + self._held

    async def write(self, data):
        self._living()
        try:
            await self._sender.send(bytes(data))
        except trio.BrokenResourceError:
            raise ConnectionLost("The other end is gone.") from None

    async def shutdown(self):
        self._living()
        self._sender.close()

    def splice(self, other, tag):
        self._living()
        other._living()
        if "aborted" in {self.other.state, other.other.state}:
            raise ConnectionLost("An end is gone.")
        self.spliced_with, other.spliced_with = other, self
        self.tag = tag
        self.state = other.state = "spliced"

    def close(self):
        if self.state == "open":
            self.state = "closed"
            self._sender.close()
            self._receiver.close()

    def abort(self):
        if self.state == "open":
            self.state = "aborted"
            self._sender.close()
            self._receiver.close()

    async def read_all(self):
        data = b""
        while chunk := await self.read():
            data += chunk
        return data

    def _living(self):
        if self.state == "spliced":
            raise LocalProtocolError("This stream was spliced; its handle is spent.")
        if self.state != "open":
            raise ConnectionLost("This stream was closed.")


class FakeTunnels:
    """Opens a pair per name; `faults` maps a destination to the error that opening it raises, or to "hang"."""

    def __init__(self, faults=None):
        self.faults = faults or {}
        self.opened = []
        self.seen = []

    async def open(self, destination, port, *, client, seen=None):
        await trio.lowlevel.checkpoint()
        fault = self.faults.get(destination)
        if fault == "hang":
            await trio.sleep_forever()
        if fault is not None:
            raise fault
        near, far = FakeStream.pair()
        self.opened.append((destination, port, client, near, far))
        self.seen.append((destination, seen))
        return near
