"""Opening a tunnel: from what a person typed to a stream whose answer was "ok".

The invariant: whoever asks has a stream or an error within `open_timeout`, however silent the other machine is, and a
stream that isn't handed out is reset. It knows nothing of who asks, nor of what goes through the tunnel.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Literal, Protocol

import trio

from beam_actors.errors import (
    BeamError,
    ConnectionLost,
    NetworkError,
    PeerOffline,
    RemoteProtocolError,
    ResourceExhausted,
    StreamCut,
    TimedOut,
    TunnelNotFound,
)
from beam_actors.flow import AnswerJoining, Stream, read_frame
from beam_actors.peers import Peers
from beam_actors.runtime import Ref
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.live import Live
from beam_actors.tunnels.messages import DialTarget, TargetStream
from beam_actors.tunnels.protocol import MAX_MESSAGE, OK, PROTOCOL, Request, Status, decode_answer, encode_request
from beam_actors.tunnels.refusals import refusal
from beam_actors.values import Multiaddr, Name, OwnerId, PeerId
from beam_actors.wire import FrameReader

Use = Literal["forward", "navigation"]
"""A use of a name that a person sees."""
Told = Callable[[BeamError | None, int], None]


class Resolution(Protocol):
    """Who serves a name; `naming.Resolution` is one."""

    @property
    def name(self) -> Name:
        """The name as it stands in the claim."""
        ...

    @property
    def owner(self) -> OwnerId:
        """Who holds it."""
        ...

    @property
    def peers(self) -> Sequence[PeerId]:
        """The machines that serve it, best first."""
        ...


class Resolver(Protocol):
    """Finds out who serves a name; `naming.Naming` is one."""

    async def resolve(self, text: str) -> Resolution:
        """Resolve what a person typed; NameNotFound, NameContested, InvalidName."""
        ...

    def used(self, text: str, owner: OwnerId, how: Use) -> None:
        """A person was led to the owner by what they typed, and saw it."""
        ...


async def read_message(stream: Stream) -> bytes:
    """Read the body of the one message of a side; what follows it, the tunnel's own bytes, stays in the stream.

    Raises:
        RemoteProtocolError: the stream ended before, or the length is not acceptable.
        NetworkError: the stream broke.
    """
    reader = FrameReader(MAX_MESSAGE)
    body = await read_frame(stream, reader)
    if body is None:
        raise RemoteProtocolError("The other side ended the tunnel's stream without a message.")
    if rest := reader.rest():
        stream.unread(rest)
    return body


class Opener:
    """Opens tunnels at other peers."""

    def __init__(
        self, peers: Peers, resolver: Resolver, directory: Directory, limits: TunnelsLimits, live: Live
    ) -> None:
        self._peers = peers
        self._directory = directory
        self._resolver = resolver
        self._limits = limits
        self._live = live

    def __repr__(self) -> str:
        return f"Opener({self._peers!r})"

    async def open(
        self,
        destination: str | PeerId,
        port: int,
        *,
        client: str = "",
        owner: Ref | None = None,
        seen: Use | None = None,
    ) -> Stream:
        """Open the service on `port` of a name, a peer id or a `/…/p2p/…` address.

        The stream belongs to `owner`, or to the session's actor until somebody adopts it. `seen` says that a person
        sees where the name leads.

        Raises:
            TunnelNotFound, TunnelRefused, TargetDown, ResourceExhausted: what the owner's daemon answered.
            ResourceExhausted: this node has as many connections as it may, too.
            PeerOffline, TimedOut, NetworkError: it did not answer.
            RemoteProtocolError: its answer is none.
            NameNotFound, NameContested, InvalidName: from resolving.
        """
        shown = str(destination)[:80]
        if not self._live.take():
            raise ResourceExhausted(f"{shown} is not opened: this machine has {self._limits.live} connections already.")
        try:
            with trio.fail_after(self._limits.open_timeout):
                name, peers, holder = await self._locate(destination)
                stream = await self._open_at_one(peers, Request(name=name, port=port, client=client), owner, shown)
        except trio.TooSlowError:
            raise self._late(shown) from None
        finally:
            self._live.give()
        if seen is not None and holder is not None:
            self._resolver.used(str(destination), holder, seen)
        return stream

    def join(
        self, local: Stream, destination: str, port: int, *, client: str, owner: Ref, tag: str, told: Told
    ) -> bool:
        """Join a local connection with a service of a peer id as `open` would and splice them, without a task.

        False if that needs waiting, or can't be: then nothing has happened. Else `told` is called once, in the pump:
        with None when they are spliced, with the error when they are not, and how many bytes of the local connection
        had left by then: if any had, and the owner did not say no, somebody may have read them.
        """
        peer = _peer_id(destination)
        return peer is not None and self._join(
            local, peer, _request(None, port, client), destination[:80], self._limits.open_timeout, owner, tag, told
        )

    async def join_named(
        self, local: Stream, destination: str, port: int, *, client: str, owner: Ref, tag: str, told: Told, seen: Use
    ) -> bool:
        """The same with a service of a name that one connected machine serves; raises what resolving does."""
        shown, began = destination[:80], trio.current_time()
        try:
            with trio.fail_after(self._limits.open_timeout):
                name, peers, holder = await self._locate(destination)
        except trio.TooSlowError:
            raise self._late(shown) from None
        if name is None or holder is None or len(peers) != 1:  # the first of several may be silent, and more to it lost
            return False

        def joined(error: BeamError | None, sent: int) -> None:
            if error is None:
                self._resolver.used(destination, holder, seen)
            told(error, sent)

        left = max(0.0, self._limits.open_timeout - (trio.current_time() - began))
        return self._join(local, peers[0], _request(name, port, client), shown, left, owner, tag, joined)

    def _join(
        self,
        local: Stream,
        peer: PeerId,
        request: Request,
        shown: str,
        seconds: float,
        owner: Ref,
        tag: str,
        told: Told,
    ) -> bool:
        if peer == self._peers.us or not self._live.take():
            return False
        began = False
        try:
            remote = self._peers.open_now(peer, PROTOCOL, owner)
            began = remote is not None and self._begin(local, remote, request, shown, seconds, tag, told)
        except (NetworkError, ResourceExhausted):
            pass  # whoever waits is told
        finally:
            if not began:
                self._live.give()
        return began

    def _begin(
        self, local: Stream, remote: Stream, request: Request, shown: str, seconds: float, tag: str, told: Told
    ) -> bool:
        """Ask on a new stream, and have the pump wait; False, or an error, when that can't be: then it is reset."""
        began = False
        try:
            asking = encode_request(request)
            if remote.write_nowait(asking) == len(asking):
                ended = partial(self._joined, told, request, shown)
                AnswerJoining(local, remote, hear=_hearing(request, shown), tags=(tag,), told=ended).begin(seconds)
                began = True
        finally:
            if not began:
                remote.abort()
        return began

    def _joined(self, told: Told, request: Request, shown: str, error: BeamError | None, sent: int) -> None:
        self._live.give()
        if isinstance(error, StreamCut):
            error = _cut(request, shown)
        elif type(error) is TimedOut:
            error = self._late(shown)
        told(error, sent)

    def _late(self, shown: str) -> TimedOut:
        return TimedOut(f"{shown} did not answer within {self._limits.open_timeout:g} s.")

    async def _locate(self, destination: str | PeerId) -> tuple[Name | None, Sequence[PeerId], OwnerId | None]:
        """The name to ask for and the machines to ask, and who holds the name, if it is one."""
        if isinstance(destination, PeerId):
            return None, (destination,), None
        if destination.startswith("/"):
            return None, (await self._peers.reach(Multiaddr.parse(destination)),), None
        peer = _peer_id(destination)
        if peer is not None:
            return None, (peer,), None
        resolution = await self._resolver.resolve(destination)
        return resolution.name, resolution.peers, resolution.owner

    async def _open_at_one(self, peers: Sequence[PeerId], request: Request, owner: Ref | None, shown: str) -> Stream:
        """Try the machines in turn, giving each its share of what is left of the time.

        Not each of an owner's machines need offer the same: that one does not is told if none failed otherwise.
        """
        failure: BeamError | None = None
        missing: TunnelNotFound | None = None
        for position, peer in enumerate(peers):
            try:
                if position == len(peers) - 1:  # the last has all that is left: the caller's deadline
                    return await self._open_at(peer, request, owner, shown)
                left = max(0.0, trio.current_effective_deadline() - trio.current_time())  # 0: overdue, not yet told so
                with trio.fail_after(left / (len(peers) - position)):
                    return await self._open_at(peer, request, owner, shown)
            except trio.TooSlowError:
                failure = TimedOut(f"The machine that serves {shown} does not answer.")
            except TunnelNotFound as error:
                missing = error
            except (PeerOffline, TimedOut, NetworkError, RemoteProtocolError) as error:
                failure = error
        raise failure or missing or PeerOffline(f"No machine serves {shown} now.")

    async def _open_at(self, peer: PeerId, request: Request, owner: Ref | None, shown: str) -> Stream:
        if peer == self._peers.us:
            return await self._open_here(request, owner)
        try:
            try:
                return await self._open_there(peer, request, owner, shown)
            except StreamCut:
                raise
            except ConnectionLost:
                # The session was dead, and nobody had noticed: nothing was answered, so ask again.
                return await self._open_there(peer, request, owner, shown)
        except StreamCut as error:
            raise _cut(request, shown) from error

    async def _open_there(self, peer: PeerId, request: Request, owner: Ref | None, shown: str) -> Stream:
        stream = await self._peers.open(peer, PROTOCOL, owner=owner)
        try:
            asking = encode_request(request)
            if (taken := stream.write_nowait(asking)) < len(asking):
                await stream.write(asking[taken:])
            answer = decode_answer(await read_message(stream))
            if answer.status is not Status.OK:
                raise refusal(answer, f"{shown}, port {request.port}")  # noqa: TRY301  # reset like the rest
        except BaseException:
            stream.abort()
            raise
        return stream

    async def _open_here(self, request: Request, owner: Ref | None) -> Stream:
        """This node's own tunnel, for programs of this machine: straight to its target."""
        dialled: TargetStream = await self._directory.find(request.name, request.port).ask(DialTarget())
        if owner is not None:
            dialled.stream.adopt(owner)
        return dialled.stream


@lru_cache(maxsize=256)  # a forward asks for the same with each connection
def _request(name: Name | None, port: int, client: str) -> Request:
    """The request for a service of a name, or of a peer."""
    return Request(name=name, port=port, client=client)


def _cut(request: Request, shown: str) -> ResourceExhausted:
    # So a daemon does that can't even say that it is busy, or that holds too many bytes of this session: to ask again
    # would double what it can't bear.
    return ResourceExhausted(
        f"{shown}, port {request.port}: its owner's daemon cut the request before it was answered; "
        "it may be too busy, so try again in a moment."
    )


def _hearing(request: Request, shown: str) -> Callable[[memoryview], int | None]:
    """What hears the answer to a request, and raises the refusal that it is."""
    reader: FrameReader | None = None

    def hear(data: memoryview) -> int | None:
        nonlocal reader
        if reader is None:
            if data[: len(OK)] == OK:  # mostly it is that, and in one piece
                return len(OK)
            reader = FrameReader(MAX_MESSAGE)
        reader.feed(data)
        body = reader.next()
        if body is None:
            return None
        answer = decode_answer(body)
        if answer.status is not Status.OK:
            raise refusal(answer, f"{shown}, port {request.port}")
        return len(data) - reader.held

    return hear


@lru_cache(maxsize=256)  # a forward leads to the same peer for each connection
def _peer_id(text: str) -> PeerId | None:
    """The peer id that `text` is, if it is one; no name can be, since a name has at most 40 characters."""
    if len(text) <= 40:
        return None
    try:
        return PeerId.parse(text)
    except ValueError:
        return None
