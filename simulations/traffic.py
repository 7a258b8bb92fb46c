"""Programs that use tunnels: a service on each machine, visitors, and bytes of which each place is known.

What goes each way is a function of the connection's number, the direction and the place, and holds the run's marker in
every block; so whoever reads knows at once of a byte that is lost, doubled, out of order or another connection's, and
the wire can be watched for the marker. Invariant: a verdict counts only what the machines' own kernels promise: when a
daemon was killed, its local sockets end cleanly, as on a real machine, and that is held against nobody.

    visitor -> service    "beam" number u64, up u64, down u64, duplex u8, pace in ms u32, reading's pace in ms u32
                          then `up` bytes, the end
    service -> visitor    "welcome!"    "beam" number u64, machine u32    then `down` bytes, the end

The welcome is said at once, before anything was asked, as many protocols do.
"""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.errors import ConnectionLost, NetworkError
from beam_actors.flow import Stream
from beam_actors.tunnels import ForwardSpec
from beam_actors.values import TcpAddress
from simulations.operations import Fetch, Follow
from simulations.wishes import Standing

if TYPE_CHECKING:
    from simulations.place import Place
    from simulations.stage import Stage

APP = TcpAddress("127.0.0.1", 3000)
_FIRST_FORWARD = 20_000
_HEAD = struct.Struct(">4sQQQBII")
_REPLY = struct.Struct(">4sQI")
_MAGIC = b"beam"
WELCOME = b"welcome!"
_BLOCK = 64
_PIECE = 1 << 14
_PATIENCE = 60.0
"""Seconds for one exchange, beside its own pauses; who waits longer gives up, as a person does."""
_KNOWN_AFTER = 5.0
"""Seconds after which an acknowledged name or tunnel can be used from everywhere, if nothing is in the way."""
_TOLD_AFTER = 20.0
"""Seconds after which whoever has a connection to a machine that is gone has been told."""


@attrs.define(slots=True)
class Connection:
    """One exchange, and what may excuse its end."""

    number: int
    visitor: "Place"
    owner: "Place"
    wish: Fetch
    kills: tuple[int, ...]
    """How often each machine's daemon had been killed when the connection began."""
    began: float
    by: "Place | None" = None
    """The machine whose service saw the question: another one than `owner`, if the name leads elsewhere."""

    @property
    def server(self) -> "Place":
        """Where it ends, as far as that is known."""
        return self.by or self.owner

    @property
    def visitor_excused(self) -> bool:
        """Whether the visitor's own daemon was killed, so that the kernel closed its local sockets cleanly."""
        return self.visitor.kills != self.kills[self.visitor.index]

    @property
    def service_excused(self) -> bool:
        """The same of the daemon at the other end."""
        return self.server.kills != self.kills[self.server.index]


class Traffic:
    """All programs of one run."""

    def __init__(self, stage: "Stage") -> None:
        self.marker = b"simulated-bytes:" + stage.world.entropy("marker").token(8)
        """In every block of what programs send; 24 bytes."""
        self.bytes_moved = 0
        self.live: dict[int, Connection] = {}
        self._stage = stage
        self._number = 0
        self._forwards: dict[tuple[int, str, int], TcpAddress] = {}

    def block(self, number: int, way: int, size: int, start: int = 0) -> bytes:
        """`size` bytes of one direction (0 up, 1 down) from place `start`."""
        first, last = start // _BLOCK, (start + size + _BLOCK - 1) // _BLOCK
        head = self.marker + struct.pack(">QB", number, way)
        blocks = b"".join([head + index.to_bytes(8, "big") + bytes(_BLOCK - 41) for index in range(first, last)])
        return blocks[start - first * _BLOCK :][:size]

    def _called(self, number: int, connection: Connection | None = None) -> str:
        """A connection in messages: whose it is, and which operation of the plan made it."""
        found = connection or self.live.get(number)
        if found is None:
            return f"connection {number}"
        wish = found.wish
        tunnel = f"{wish.name or found.server.name}:{wish.port}"
        ends = f"from {found.visitor.name} to {tunnel} of {found.server.name}"
        return f"connection {number} {ends} ({self._origin(wish)})"

    def _origin(self, wish: Fetch) -> str:
        place = wish.at, wish.machine, wish.of, wish.port, wish.name
        for index, one in enumerate(self._stage.plan.operations):
            # A `follow` makes wishes of its own, at its place.
            if one is wish or (isinstance(one, Follow) and (one.at, one.machine, one.of, one.port, one.name) == place):
                return f"operations[{index}] of the plan"
        return "a visit after the heal"

    # --- the visitor --------------------------------------------------------------------------------------------------

    async def fetch(self, place: "Place", owner: "Place", wish: Fetch) -> str:
        """One exchange; a word on how it ended. A clean end that is none, or a wrong byte, is a violation of S9."""
        destination = wish.name or owner.peer_text
        listen = await self._forward(place, destination, wish.port)
        self._number += 1
        kills = tuple(each.kills for each in self._stage.places)
        connection = Connection(self._number, place, owner, wish, kills, trio.current_time())
        self.live[connection.number] = connection
        expected = self._must_work(connection, wish)
        pauses = (wish.pace + wish.read_pace) * ((wish.up + wish.down) // _PIECE + 2)
        outcome = "timed out"
        try:
            with trio.move_on_after(_PATIENCE + pauses):
                outcome = await self._exchange(connection, listen, wish)
        finally:
            del self.live[connection.number]
        self._judge(connection, wish, outcome, expected=expected)
        return outcome

    def _must_work(self, connection: Connection, wish: Fetch) -> bool:
        """Whether the tunnel is there, as far as its owner was told, and nothing can be in the way."""
        model, owner, visitor = self._stage.model, connection.owner.person, connection.visitor
        offer = owner.offer(wish.name, wish.port)
        return (
            self._stage.calm.everywhere
            and offer is not None
            and offer.wish.standing is Standing.HELD
            and offer.lets_in(visitor.index)
            and (wish.name is None or (model.leads_to(wish.name, owner) and not self._leads_elsewhere(visitor, wish)))
            and trio.current_time() - max(offer.wish.asked_at, model.asked_at(wish.name)) > _KNOWN_AFTER
            and connection.owner.up
            and self._stage.inside.can_find(visitor.node, connection.owner.node)
            and (not connection.owner.moved or self._stage.inside.has_session(visitor.node, connection.owner.node))
        )

    def has_led(self, place: "Place", name: str) -> bool:
        """Whether a program of that machine ever had a forward to the name, without its owner."""
        return any(index == place.index and to.partition(".local")[0] == name for index, to, _port in self._forwards)

    def _leads_elsewhere(self, visitor: "Place", wish: Fetch) -> bool:
        """Whether the visitor bound the name, perhaps to somebody else."""
        if wish.name is None or "." in wish.name or wish.name in visitor.person.pins:
            return wish.name in visitor.person.pins
        if visitor.person.astray and wish.name in visitor.person.names:
            return True
        owner = self._stage.inside.pinned_by_use(visitor.node, wish.name)
        return owner is not None and owner != self._stage.places[wish.of].person.owner

    def _judge(self, connection: Connection, wish: Fetch, outcome: str, *, expected: bool) -> None:
        """A connection that nothing disturbed is whole, and one of a tunnel that was withdrawn is cut."""
        offer = connection.server.person.offer(wish.name, wish.port)
        changed = offer is None or offer.wish.under_way or offer.wish.asked_at >= connection.began
        if outcome == "done":
            withdrawn = offer is not None and offer.wish.standing is Standing.NONE and not offer.wish.under_way
            if offer is not None and withdrawn:
                left = trio.current_time() - offer.wish.asked_at
                self._stage.invariants.went_on(
                    connection.visitor, connection.server, left - 2 * (wish.pace + wish.read_pace)
                )
            return
        ends = connection.visitor, connection.server
        what = f"{self._called(connection.number, connection)} {outcome}"
        if (connection.by is not None or expected) and not changed and self._stage.calm.since(connection.began, *ends):
            self._stage.invariants.bytes_wrong(f"{what} although nothing disturbed it")
        elif outcome != "cut" and self._stage.calm.since(trio.current_time() - _TOLD_AFTER, *ends):
            self._stage.invariants.bytes_wrong(f"{what}, and nobody told the visitor that it was cut")

    async def _forward(self, place: "Place", destination: str, port: int) -> TcpAddress:
        """The local port that leads there, made when it is first needed."""
        key = place.index, destination, port
        if key not in self._forwards:
            self._forwards[key] = TcpAddress("127.0.0.1", _FIRST_FORWARD + len(self._forwards))
        listen = self._forwards[key]
        await place.node.tunnels.forward(ForwardSpec(destination=destination, port=port, listen=listen))
        return listen

    async def _exchange(self, connection: Connection, listen: TcpAddress, wish: Fetch) -> str:
        stream = await connection.visitor.program.connect(listen)
        try:
            async with _both_ways() as nursery:
                if wish.duplex:
                    nursery.start_soon(self._send_up, stream, connection, wish)
                else:
                    await self._send_up(stream, connection, wish)
                await self._take_down(stream, connection, wish)
        except NetworkError:
            stream.abort()
            return "cut"
        except BaseException:
            stream.abort()
            raise
        stream.close()
        return "done"

    async def _send_up(self, stream: Stream, connection: Connection, wish: Fetch) -> None:
        paces = int(wish.pace * 1000), int(wish.read_pace * 1000)
        await stream.write(_HEAD.pack(_MAGIC, connection.number, wish.up, wish.down, wish.duplex, *paces))
        await self._send(stream, connection.number, 0, wish.up, wish.pace)
        await stream.shutdown()

    async def _take_down(self, stream: Stream, connection: Connection, wish: Fetch) -> None:
        first = len(WELCOME) + _REPLY.size
        head = await _read_exactly(stream, first)
        if len(head) < first:
            self._ended_early(connection, "the visitor", len(head), first, excused=connection.visitor_excused)
        magic, number, machine = _REPLY.unpack(head[len(WELCOME) :])
        if not head.startswith(WELCOME) or magic != _MAGIC or number != connection.number:
            self._stage.invariants.bytes_wrong(
                f"the visitor of {self._called(connection.number)} got another one's reply"
            )
            raise ConnectionLost("This is not the reply.")
        by = self._stage.places[machine]
        self._stage.invariants.served(connection.visitor, wish.name, by, connection.owner)
        self._stage.invariants.let_in(connection.visitor, by, wish.name, wish.port, connection.began)
        got = await self._receive(stream, connection.number, 1, wish.down, wish.read_pace)
        if got < wish.down:
            self._ended_early(connection, "the visitor", got, wish.down, excused=connection.visitor_excused)
        self._stage.invariants.bytes_whole(wish.up + wish.down)

    # --- the service --------------------------------------------------------------------------------------------------

    async def serve(self, stream: Stream, machine: int) -> None:
        """One connection to the service of a machine."""
        with trio.move_on_after(_PATIENCE * 10):
            try:
                await self._serve(stream, machine)
            except NetworkError:
                pass
            else:
                stream.close()
                return
        stream.abort()

    async def _serve(self, stream: Stream, machine: int) -> None:
        await stream.write(WELCOME)
        head = await _read_exactly(stream, _HEAD.size)
        if not head:
            raise ConnectionLost("Nobody asks anything: the visitor was gone when the tunnel came up.")
        if len(head) < _HEAD.size:
            raise ConnectionLost("The question was cut.")
        magic, number, up, down, duplex, pace, read_pace = _HEAD.unpack(head)
        if self._stage.browsing.is_asked(head):
            await self._stage.browsing.show(stream, machine)
            return
        if magic != _MAGIC:
            self._stage.invariants.bytes_wrong(f"the service of m{machine} got what no visitor sent")
            raise ConnectionLost("This is no question.")
        connection = self.live.get(number)
        if connection is not None:
            connection.by = self._stage.places[machine]
        reply = _REPLY.pack(_MAGIC, number, machine)
        async with _both_ways() as nursery:
            if duplex:
                nursery.start_soon(self._answer, stream, number, reply, down, pace / 1000)
            got = await self._receive(stream, number, 0, up, read_pace / 1000)
            if got < up:
                excused = connection is None or connection.service_excused
                self._ended_early(connection, "the service", got, up, excused=excused)
            if not duplex:
                await self._answer(stream, number, reply, down, pace / 1000)

    async def _answer(self, stream: Stream, number: int, reply: bytes, size: int, pace: float) -> None:
        await stream.write(reply)
        await self._send(stream, number, 1, size, pace)
        await stream.shutdown()

    # --- both ---------------------------------------------------------------------------------------------------------

    async def _send(self, stream: Stream, number: int, way: int, size: int, pace: float) -> None:
        for start in range(0, size, _PIECE):
            await stream.write(self.block(number, way, min(_PIECE, size - start), start))
            if pace:
                await trio.sleep(pace)

    async def _receive(self, stream: Stream, number: int, way: int, size: int, pace: float) -> int:
        """Read to the clean end and judge each byte; how many came."""
        got = 0
        while data := await stream.read(_PIECE):
            if data != self.block(number, way, len(data), got):
                self._stage.invariants.bytes_wrong(
                    f"{self._called(number)} {'up' if way == 0 else 'down'}: the bytes from {got} to {got + len(data)} "
                    "are not those that were sent"
                )
                raise ConnectionLost("These bytes are wrong.")
            got += len(data)
            self.bytes_moved += len(data)
            if got > size:
                self._stage.invariants.bytes_wrong(f"{self._called(number)}: {got} bytes came of {size} that were sent")
                raise ConnectionLost("These bytes are too many.")
            if pace:
                await trio.sleep(pace * len(data) / _PIECE)
        return got

    def _ended_early(self, connection: Connection | None, who: str, got: int, size: int, *, excused: bool) -> None:
        """A clean end before all was there: nobody may take a part for the whole."""
        if connection is not None and not excused:
            self._stage.invariants.bytes_wrong(
                f"{who} of {self._called(connection.number, connection)} saw a clean end after {got} of {size} bytes"
            )
        raise ConnectionLost("It ended early.")


@asynccontextmanager
async def _both_ways() -> AsyncIterator[trio.Nursery]:
    """A nursery for the two directions of a connection, of which one error is the connection's."""
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        rest = group.split(NetworkError)[1]
        if rest is None:
            raise ConnectionLost("The connection was cut.") from group
        raise rest from None  # the run was over while it broke


async def _read_exactly(stream: Stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await stream.read(size - len(data))
        if not piece:
            break
        data += piece
    return data
