"""Dialling a peer at several addresses: the next one is tried beside the one under way, and the first session wins.

Source for the staggering: RFC 8305. The invariants: a session is handed out only if the expected peer is at its other
end, at most one is handed out, and all other attempts leave nothing behind. It doesn't decide when to dial.
"""

from collections.abc import Callable, Sequence

import trio

from beam_actors.errors import BeamError, ConnectionLost, PeerOffline, TimedOut
from beam_actors.flow import Flow, Owner, Stream
from beam_actors.peers.handshake import Established, establish
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.messages import AdoptSession
from beam_actors.peers.sessions import SessionMaker
from beam_actors.values import Multiaddr, PeerId, TcpAddress
from beam_actors.wire import Established as Proven
from beam_actors.wire import Role, Session, SessionEnded

Listening = Callable[[], Sequence[TcpAddress]]
"""Where this node listens now."""


class Dialler:
    """Dials in this node's name."""

    def __init__(self, *, flow: Flow, maker: SessionMaker, listening: Listening, limits: PeersLimits) -> None:
        self._flow = flow
        self._maker = maker
        self._listening = listening
        self._limits = limits

    def __repr__(self) -> str:
        return f"Dialler({self._maker!r})"

    async def dial(self, peer: PeerId, addresses: Sequence[Multiaddr], owner: Owner) -> AdoptSession:
        """Return the first session that stands; it belongs to `owner` until adopted.

        Raises:
            PeerOffline: none of the addresses led to the peer; the message says why, address by address.
        """
        targets = [(item, tcp) for item in addresses if (tcp := item.tcp) is not None and item.peer in {None, peer}]
        if not targets:
            raise PeerOffline("no address of it is known.")
        failures: list[str] = []
        won: list[AdoptSession] = []
        try:
            await self._attempts(peer, targets[: self._limits.dial_addresses], owner, won, failures)
        except BaseException:
            for session in won:
                session.dispose()
            raise
        if won:
            return won[0]
        raise PeerOffline(" ".join(failures))

    async def _attempts(
        self,
        peer: PeerId,
        targets: Sequence[tuple[Multiaddr, TcpAddress]],
        owner: Owner,
        won: list[AdoptSession],
        failures: list[str],
    ) -> None:
        async with trio.open_nursery() as nursery:

            async def attempt(address: Multiaddr, target: TcpAddress, failed: trio.Event) -> None:
                try:
                    established = await self._attempt(peer, target, owner)
                except BeamError as error:
                    said = str(error)
                    failures.append(said if str(target) in said else f"{target}: {said}")
                    failed.set()
                    return
                if won:
                    established.dispose()
                    return
                won.append(AdoptSession(established, address))
                nursery.cancel_scope.cancel()

            for address, target in targets:
                failed = trio.Event()
                nursery.start_soon(attempt, address, target, failed)
                with trio.move_on_after(self._limits.dial_stagger):
                    await failed.wait()

    async def knock(self, peer: PeerId, address: TcpAddress, owner: Owner) -> None:
        """Find out whether the peer is at the address, and leave: it proves itself first, so to it nobody ever came.

        A connection that both sides count as a session would be one more to choose from while others use the first.

        Raises:
            NetworkError, RemoteProtocolError, TimedOut: it isn't, or not within the time of one attempt.
        """
        timeout = self._limits.dial_timeout
        deadline = trio.current_time() + timeout
        stream = await self._flow.dial(address, owner, timeout=timeout)
        try:
            session = self._session(peer, stream)
            with trio.move_on_at(deadline):
                await stream.write(session.data_to_send())
                while not (events := session.receive(await _some(stream))):
                    await stream.write(session.data_to_send())
                match events[0]:
                    case Proven():
                        return
                    case SessionEnded(error):
                        raise error or ConnectionLost("The other side ended the handshake.")
        finally:
            stream.abort()
        raise TimedOut(f"{address} did not prove who it is within {timeout:g} s.")

    def _session(self, peer: PeerId, stream: Stream) -> Session:
        return self._maker.make(
            Role.INITIATOR,
            expected=peer,
            local=stream.local,
            remote=stream.remote,
            listening=self._listening(),
        )

    async def _attempt(self, peer: PeerId, target: TcpAddress, owner: Owner) -> Established:
        timeout = self._limits.dial_timeout
        deadline = trio.current_time() + timeout
        stream = await self._flow.dial(target, owner, timeout=timeout)
        session = self._session(peer, stream)
        return await establish(self._flow, stream, session, owner, seconds=deadline - trio.current_time())


async def _some(stream: Stream) -> bytes:
    data = await stream.read()
    if not data:
        raise ConnectionLost("The other side ended the handshake.")
    return data
