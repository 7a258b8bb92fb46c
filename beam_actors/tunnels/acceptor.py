"""The acceptor: where inbound tunnel streams arrive; it reads each request and hands the stream to its tunnel.

Invariants: a stream whose request isn't read in time is reset; beyond the bounds a request is read and answered "busy"
by a bounded number of workers, and what exceeds those is reset. It never dials, and knows neither rules nor targets:
those are the business of the tunnel's own actor.
"""

import trio

from beam_actors.errors import ActorError, NetworkError, RemoteProtocolError, TunnelNotFound
from beam_actors.peers import InboundStream
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, receives
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.messages import FindTunnel, Serve
from beam_actors.tunnels.opening import read_message
from beam_actors.tunnels.protocol import Answer, Request, Status, UnsupportedVersion, decode_request
from beam_actors.tunnels.quota import Quota
from beam_actors.tunnels.refusals import refuse

_RESTARTING = Answer(status=Status.BUSY, message="The tunnel is restarting.")


class Acceptor(Actor):
    """Serves `/beam/tunnel/1`. Overflow: a stream beyond the mailbox is dropped, which resets it."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)

    def __init__(self, *, catalogue: Ref, limits: TunnelsLimits) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._limits = limits
        self._reading = Quota(total=limits.requests, per_peer=limits.requests_per_peer)
        self._refusing = Quota(total=limits.refusals, per_peer=limits.refusals_per_peer)

    def __repr__(self) -> str:
        return f"Acceptor({len(self._reading)} requests, {len(self._refusing)} refused)"

    @receives(InboundStream)
    def inbound(self, message: InboundStream) -> None:
        """Begin to read a request, within the bounds."""
        for quota in (self._reading, self._refusing):
            if quota.take(message.peer):
                self.spawn(self._read, message, quota)
                return
        message.stream.abort()

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
            tunnel = Answer(status=Status.BUSY) if busy else await self._find(request)
        if isinstance(tunnel, Answer):
            return tunnel
        message.stream.adopt(tunnel)
        tunnel.tell(Serve(message.peer, request, message.stream))
        return None

    async def _find(self, request: Request) -> Ref | Answer:
        try:
            tunnel: Ref = await self._catalogue.ask(FindTunnel(request))
        except TunnelNotFound:
            return Answer(status=Status.NOT_FOUND)
        except ActorError:
            return _RESTARTING
        return tunnel if tunnel.alive else _RESTARTING
