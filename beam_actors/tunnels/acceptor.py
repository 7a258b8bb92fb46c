"""The acceptor: where inbound tunnel streams arrive; it reads each request and hands the stream to its tunnel.

Invariants: a stream whose request isn't read in time is reset; beyond the bounds a request is read and answered "busy"
by a bounded number of workers, and what exceeds those is reset. It never dials, and knows neither rules nor targets:
those are the business of the tunnel's own actor.
"""

import trio

from beam_actors.errors import ActorError, NetworkError, RemoteProtocolError, TunnelNotFound
from beam_actors.peers import InboundStream
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, receives
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.messages import Serve
from beam_actors.tunnels.opening import read_message
from beam_actors.tunnels.protocol import MAX_MESSAGE, Answer, Request, Status, UnsupportedVersion, decode_request
from beam_actors.tunnels.quota import Quota
from beam_actors.tunnels.refusals import refuse
from beam_actors.wire import FrameReader

_RESTARTING = Answer(status=Status.BUSY, message="The tunnel is restarting.")


class Acceptor(Actor):
    """Serves `/beam/tunnel/1`. Overflow: a stream beyond the mailbox is dropped, which resets it."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)

    def __init__(self, *, directory: Directory, limits: TunnelsLimits) -> None:
        super().__init__()
        self._directory = directory
        self._limits = limits
        self._reading = Quota(total=limits.requests, per_peer=limits.requests_per_peer)
        self._refusing = Quota(total=limits.refusals, per_peer=limits.refusals_per_peer)

    def __repr__(self) -> str:
        return f"Acceptor({len(self._reading)} requests, {len(self._refusing)} refused)"

    @receives(InboundStream)
    def inbound(self, message: InboundStream) -> None:
        """Hand over what has come with its request, as most streams have; else begin to read it, within the bounds."""
        if self._hand_over_now(message):
            return
        for quota in (self._reading, self._refusing):
            if quota.take(message.peer):
                self.spawn(self._read, message, quota)
                return
        message.stream.abort()

    def _hand_over_now(self, message: InboundStream) -> bool:
        """Do so if it needs neither waiting nor an answer; else nothing was read."""
        stream, reader = message.stream, FrameReader(MAX_MESSAGE)
        try:
            data = stream.read_nowait(reader.wanted) or b""
            reader.feed(data)
            meant = self._meant(reader)
            stream.unread(data if meant is None else reader.rest())
            if meant is not None:
                self._hand_over(message, *meant)
        except NetworkError:
            return False  # whoever reads next is told
        return meant is not None

    def _meant(self, reader: FrameReader) -> tuple[Request, Ref] | None:
        """The request that was read and its tunnel's actor; None if it is not all there, or must be refused."""
        try:
            body = reader.next()
            if body is None:
                return None
            request = decode_request(body)
            return request, self._directory.find(request.name, request.port)
        except (UnsupportedVersion, RemoteProtocolError, TunnelNotFound, ActorError):
            return None

    @staticmethod
    def _hand_over(message: InboundStream, request: Request, tunnel: Ref) -> None:
        message.stream.adopt(tunnel)
        tunnel.tell(Serve(message.peer, request, message.stream))

    async def _read(self, message: InboundStream, quota: Quota) -> None:
        try:
            answer = await self._direct(message, busy=quota is self._refusing)
            if answer is not None:
                await refuse(message.stream, answer, seconds=self._limits.request_timeout)
        except (NetworkError, trio.TooSlowError):
            message.stream.abort()
        finally:
            quota.give(message.peer)

    async def _direct(self, message: InboundStream, *, busy: bool) -> Answer | None:
        """Read the request and hand the stream to the tunnel that it means; or the answer that says why not."""
        with trio.fail_after(self._limits.request_timeout):
            try:
                request = decode_request(await read_message(message.stream))
            except UnsupportedVersion as error:
                return Answer(status=Status.UNSUPPORTED, message=str(error))
            except RemoteProtocolError as error:
                return Answer(status=Status.FAILED, message=str(error))
        if busy:
            return Answer(status=Status.BUSY)
        try:
            self._hand_over(message, request, self._directory.find(request.name, request.port))
        except TunnelNotFound:
            return Answer(status=Status.NOT_FOUND)
        except ActorError:
            return _RESTARTING
        return None
