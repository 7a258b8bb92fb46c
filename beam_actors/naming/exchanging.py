"""One exchange with a peer, from either side: what `reconciling` decides, said over a conversation and paid for.

Invariant: what the peer says is paid for before it is done, and what it may have this node hold ends with the exchange.
Which peer it is, and when it is its turn, is `spread`'s matter; claims go to the registrar unread.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import islice

from beam_actors.errors import RemoteProtocolError
from beam_actors.naming import protocol
from beam_actors.naming.allowance import Purse
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.exchanges import Exchanges, Holding
from beam_actors.naming.messages import Confirm, GetClaims, GetItems
from beam_actors.naming.protocol import Compare, Message, Push, Ranges, Want
from beam_actors.naming.ranges import PREFIX, TOP, Listing, Range, Snapshot
from beam_actors.naming.reconciling import Reconciliation, Turn, Work
from beam_actors.naming.unkept import Unkept
from beam_actors.runtime import Ref

_ASK = 30.0
RANGES_READ = 16
"""So many ranges, and ids in them, cost as much as one claim: they are read, found and kept for a while."""
_IDS_COMPARED = 64
"""So many ids in a comparison, from either side, cost as much as one claim."""
_PAID_AT_ONCE = 4
"""Claims: a question of the same peer, which it may have meanwhile, waits for so many of them and no more."""
_ITEMS_HASHED = 4096
"""So many items under a fingerprint cost as much as one claim: a quarter of a millisecond."""


Submit = Callable[[tuple[bytes, ...]], Awaitable[int]]
"""Pays for claims of the peer and takes them in; how many were new."""


class Exchange:
    """One exchange over one stream."""

    __slots__ = ("_exchanges", "_given", "_got", "_most", "_new", "_purse", "_registrar", "_submit", "_talk", "_unkept")

    def __init__(
        self,
        talk: Conversation,
        registrar: Ref,
        exchanges: Exchanges,
        *,
        most: int,
        purse: Purse,
        submit: Submit,
        unkept: Unkept,
    ) -> None:
        """At most `most` ids and ranges are taken from the other side."""
        self._talk = talk
        self._registrar = registrar
        self._exchanges = exchanges
        self._most = most
        self._purse = purse
        self._submit = submit
        self._unkept = unkept
        self._given = self._got = self._new = 0

    @property
    def in_vain(self) -> int:
        """How many claims one side alone held, if nothing was new here: it may be so again each time."""
        return 0 if self._new else max(self._given, self._got)

    async def open(self, salt: bytes) -> None:
        """Bring both sides to the same claims; `salt` is new and random."""
        mine = await self._items()
        machine = Reconciliation(mine, salt, most=self._most)
        turn = machine.begin()
        with self._exchanges.holding(mine) as holding:
            await self._send(holding, Compare(salt, bytes(PREFIX), TOP), *protocol.turns(turn.ranges))
            await self._take_turns(machine, mine, turn, salt, holding)

    async def answer(self, opening: Compare) -> None:
        """The same, when the other side began."""
        mine = (await self._items()).within(opening.lower, opening.upper)
        machine = Reconciliation(mine, opening.salt, most=self._most)
        with self._exchanges.holding(mine) as holding:
            await self._take_turns(machine, mine, None, opening.salt, holding)

    async def _items(self) -> Snapshot:
        everything: Snapshot = await self._registrar.ask(GetItems(), timeout=_ASK)
        return self._unkept.compared(everything)

    async def _take_turns(
        self, machine: Reconciliation, mine: Snapshot, turn: Turn | None, salt: bytes, holding: Holding
    ) -> None:
        with self._unkept.giving() as told:
            while turn is None or not turn.last:
                await self._hear(machine, holding)
                if agreed := machine.agreed():
                    self._registrar.tell(Confirm(tuple(one for places in agreed for one in mine.ids(places))))
                turn = machine.answer()
                if turn is None:
                    break
                await self._say(turn, salt, told, holding)
            if told:
                # If it fails, perhaps the other side could not take in what it has no room for. What is held is needed
                # until then, to note what was given.
                await self._exchanges.outwait(self._talk.finish, holding)
            self._unkept.given(told, mine)
            self._given += len(told)

    async def _say(self, turn: Turn, salt: bytes, told: dict[bytes, None], holding: Holding) -> None:
        """This side's turn; what the other one lacked is noted in `told`."""
        with self._unkept.giving(rotated(turn.push, salt)) as left:
            while some := tuple(islice(left, protocol.MAX_CLAIMS)):
                for start in range(0, len(some), _PAID_AT_ONCE):
                    await self._purse.pay(min(_PAID_AT_ONCE, len(some) - start))
                claims = await self._registrar.ask(GetClaims(some), timeout=_ASK)
                await self._send(holding, *protocol.pushes(claims))
                for one in some:
                    told[one] = left.pop(one, None)
        await self._send(holding, *protocol.wants(turn.want), *protocol.turns(turn.ranges))

    async def _send(self, holding: Holding, *messages: Message) -> None:
        """One message after the other: whoever takes them in keeps nobody waiting."""
        for message in messages:
            await self._exchanges.outwait(partial(self._talk.send, message), holding)

    async def _hear(self, machine: Reconciliation, holding: Holding) -> None:
        """The other side's turn."""
        while not machine.heard:
            match await self._exchanges.outwait(self._talk.receive, holding):
                case Push(claims):
                    self._got += len(claims)
                    self._new += await self._submit(claims)
                case Want(ids):
                    await self._purse.pay(1 + len(ids) / RANGES_READ)
                    machine.wanted(ids)
                case Ranges(ranges):
                    await self._purse.pay(_price(ranges, machine.weigh(ranges)))
                    machine.hear(ranges)
                    holding.resize(machine.size)
                case None:
                    raise RemoteProtocolError("The stream ended before the exchange did.")
                case _:
                    raise RemoteProtocolError("The peer says something else in the middle of an exchange.")


def rotated(ids: Sequence[bytes], salt: bytes) -> tuple[bytes, ...]:
    """The same, from a place that is another one in each exchange.

    Whoever is new gets what it lacks from several peers at once, and would get the same from all of them, in order.
    """
    start = int.from_bytes(salt, "big") % max(1, len(ids))
    return (*ids[start:], *ids[:start])


def _price(ranges: tuple[Range, ...], work: Work) -> float:
    """What reading some ranges and doing what they ask for costs, in claims; paid at once, since a wait may be long."""
    listed = sum(len(one.ids) for one in ranges if isinstance(one, Listing))
    read = (len(ranges) + listed) / RANGES_READ
    return 1 + read + work.hashed / _ITEMS_HASHED + work.compared / _IDS_COMPARED
