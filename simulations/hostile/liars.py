"""Attackers that push claims which no honest node signs, or would pass on. Each class is one lie.

Invariant: every one of them speaks `/beam/names/1` correctly, so that what is judged is the claim and not the message.
"""

from collections.abc import Iterable, Iterator
from itertools import count

import trio

from beam_actors.identity import OwnerChain, OwnerKey
from beam_actors.identity.owner import REVOCATION_ERA
from beam_actors.naming import PROTOCOL, Claim, Kind
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.limits import DAY, MAX_AHEAD, MINUTE
from beam_actors.naming.protocol import MAX_IDS, Ask, Have, Push, pushes
from beam_actors.values import Name
from simulations.hostile.attacker import Attacker, Lair
from simulations.hostile.forging import dialects, forgeries, signed
from simulations.hostile.line import Line

TIMEOUT = 60.0
_REVOCATIONS = 4


class Liar(Attacker):
    """Pushes what `claims` says, over and over on one stream."""

    EVERY = 3.0
    """Seconds between two pushes."""

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self.owner = lair.owner()
        self.began = int(lair.clock.wall())
        self.rounds = count()

    async def attack(self, line: Line) -> None:
        """See `Attacker`."""
        talk = Conversation(line.open(PROTOCOL), timeout=TIMEOUT)
        while True:
            await self.prepare(line)
            said = list(self.claims(line, next(self.rounds)))
            for push in pushes(said):
                await talk.send(push)
            self.lair.tally["claims said"] += len(said)
            await trio.sleep(self.EVERY)

    async def prepare(self, line: Line) -> None:
        """What it needs to know first."""

    def claims(self, line: Line, turn: int) -> Iterable[bytes]:
        """What to push to this victim now."""
        raise NotImplementedError

    @property
    def now(self) -> int:
        """Its own clock, seconds since 1970."""
        return int(self.lair.clock.wall())

    def genuine(self, name: Name, key: OwnerKey | None = None, **terms: object) -> Claim:
        """A claim by its own owner, or by another of its people, that anybody may take for what it is."""
        signer = key or self.owner
        said = {"issued": self.now, "peer": self.key.peer_id} | terms
        claim = signed(signer, self.lair.network, name, **said)  # type: ignore[arg-type]  # names of its parameters
        self.lair.signs(name.label, signer.owner_id)
        return claim


class Listener(Liar):
    """One that first asks its victim what it knows of the names that are worth something."""

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self.heard: dict[bytes, Claim] = {}
        """By id, the oldest first."""

    async def prepare(self, line: Line) -> None:
        """See `Liar`."""
        talk = Conversation(line.open(PROTOCOL), timeout=TIMEOUT)
        for label in self.lair.names():
            await talk.send(Ask(Name(label)))
            while (message := await talk.listed()) is not None:
                if isinstance(message, Push):
                    for data in message.claims:
                        claim = Claim.parse(data, network=self.lair.network)
                        self.heard.setdefault(claim.id, claim)
        talk.close()


class Forger(Listener):
    """Changes others' claims: to its own machine, to a higher number, to a tombstone. No signature fits."""

    NAME = "forger"

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002 (what others need)
        """See `Liar`."""
        for claim in self.heard.values():
            yield from forgeries(claim, self.owner, self.key.peer_id)


class Replayer(Listener):
    """Says everything again that it ever heard, the oldest first, for as long as it lives."""

    NAME = "replayer"

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        yield from (claim.encoded for claim in self.heard.values())


class Boaster(Listener):
    """Says that it has claims: those that it heard of, before others hear of them, and many that nobody has."""

    NAME = "boaster"
    EVERY = 0.5
    MADE_UP = 64

    async def attack(self, line: Line) -> None:
        """See `Attacker`: whoever asks for them waits in vain."""
        talk = Conversation(line.open(PROTOCOL), timeout=TIMEOUT)
        while True:
            await self.prepare(line)
            made_up = (self.lair.entropy.token(32) for _ in range(self.MADE_UP))
            said = (*self.heard, *made_up)[-MAX_IDS:]
            await talk.send(Have(said))
            self.lair.tally["claims named"] += len(said)
            await trio.sleep(self.EVERY)


class Thief(Listener):
    """Claims the names that others use: genuinely, for its own machine, with a number that looks senior."""

    NAME = "thief"

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self.stolen: dict[str, bytes] = {}

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        for claim in self.heard.values():
            label = claim.name.label
            if label not in self.stolen:
                seq = min(claim.seq + 1000, self.now - DAY)
                self.stolen[label] = self.genuine(Name(label), seq=seq).encoded
        yield from self.stolen.values()


class Foreigner(Liar):
    """Pushes claims of another network, for the names that are used in this one."""

    NAME = "foreigner"

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        for label in self.lair.names():
            other = f"not-{self.lair.network}"[:32]
            yield signed(self.owner, other, Name(label), issued=self.now, peer=self.key.peer_id).encoded


class Prophet(Liar):
    """Signs for times to come: minutes ahead, which wait; days ahead, which don't; and numbers that end all numbers."""

    NAME = "prophet"
    OVERFLOWS = True

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        for ahead in (DAY + MAX_AHEAD, 29 * DAY, 365 * DAY):
            issued = self.now + ahead
            yield self.genuine(self.lair.name_of_its_own(), self.lair.owner(), issued=issued, seq=issued).encoded
        for number in range(16):
            issued = self.now + MAX_AHEAD + MINUTE + number
            yield self.genuine(self.lair.name_of_its_own(), self.lair.owner(), issued=issued, seq=issued).encoded


class Revenant(Liar):
    """Signs with dates that are past: more than a month ago, and a claim that ends before it is said."""

    NAME = "revenant"

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        for days in (31, 60, 3650):
            yield self.genuine(self.lair.name_of_its_own(), issued=self.now - days * DAY).encoded
        for label in self.lair.names():
            peer, issued = self.key.peer_id, self.now - 31 * DAY
            yield signed(self.owner, self.lair.network, Name(label), issued=issued, peer=peer).encoded


class Dialect(Liar):
    """Says genuine claims in encodings that are not theirs: one claim would have many ids."""

    NAME = "dialect"

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        claim = self.genuine(self.lair.name_of_its_own())
        yield from dialects(claim)


class Equivocator(Liar):
    """Signs one number several times and tells each victim something else at one instant, before they can compare."""

    NAME = "equivocator"
    BEAT = 6.0

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self.name = lair.name_of_its_own()
        self.machines = [lair.peer_key().peer_id for _ in range(4)]
        self.told: dict[object, int] = {}

    async def prepare(self, line: Line) -> None:  # noqa: ARG002
        """See `Liar`: wait for the others' turn, too."""
        await trio.sleep(self.BEAT - self.lair.clock.monotonic() % self.BEAT)

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        which = self.told.setdefault(line.victim, len(self.told)) % len(self.machines)
        beat = int(self.lair.clock.monotonic() / self.BEAT)
        yield self.genuine(self.name, seq=self.now // 3600 + beat, peer=self.machines[which]).encoded


class Undertaker(Liar):
    """Floods with tombstones, its people's own, for names that are used and for names that nobody ever had."""

    NAME = "undertaker"

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        for label in self.lair.names():
            yield self.genuine(Name(label), self.lair.owner(), kind=Kind.TOMBSTONE).encoded
        for _ in range(16):  # soon more than one owner may leave behind
            yield self.genuine(self.lair.name_of_its_own(), kind=Kind.TOMBSTONE).encoded


class Hoarder(Liar):
    """Claims more names than an owner may hold, and has more owners claim one name than anybody keeps."""

    NAME = "hoarder"

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self.crowded = lair.name_of_its_own()

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        for _ in range(6):
            yield self.genuine(self.lair.name_of_its_own()).encoded
        for _ in range(6):
            yield self.genuine(self.crowded, self.lair.owner()).encoded


class Mob(Liar):
    """Has so many owners claim one name that people use that there is no room for who holds it, or for some of them."""

    NAME = "mob"
    NEEDS_SETTLED = True
    SIZE = 96

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self.people = [lair.owner() for _ in range(self.SIZE)]
        self.crowded: Name | None = None

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`: every victim hears of some of them first, and in the end of all."""
        wanted = self.lair.names()
        if self.crowded is None and wanted:
            self.crowded = Name(wanted[int(self.lair.entropy.uniform() * len(wanted))])
        if self.crowded is not None:
            start = int(self.lair.entropy.uniform() * self.SIZE)
            for key in (self.people[start:] + self.people[:start])[: self.SIZE // 3]:
                yield self.genuine(self.crowded, key, issued=self.began).encoded


class Suicide(Liar):
    """Makes owners known and revokes them, again and again: revocations are never forgotten."""

    NAME = "suicide"
    OVERFLOWS = True

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        for _ in range(_REVOCATIONS):
            key = OwnerChain(self.lair.entropy.token(32)).era_key(REVOCATION_ERA)
            yield Claim.revoke(self.lair.network, key).encoded


class Chained(Liar):
    """One that has all keys of an owner, and one name; it tells each victim its story from the beginning."""

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self.chain = OwnerChain(lair.entropy.token(32))
        self.name = lair.name_of_its_own()
        self._told: dict[object, int] = {}

    def turn_of(self, victim: object) -> int:
        """How often the victim was told something, this time included."""
        self._told[victim] = self._told.get(victim, 0) + 1
        return self._told[victim]


class Lazarus(Chained):
    """Claims a name, revokes itself, and goes on claiming: with the old claim, and with new ones."""

    NAME = "lazarus"

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:
        """See `Liar`."""
        key = self.chain.era_key(0)
        turn = self.turn_of(line.victim)
        if turn == 2:
            yield Claim.revoke(self.lair.network, self.chain.era_key(REVOCATION_ERA)).encoded
        else:
            yield self.genuine(self.name, key, seq=self.now // 3600 + turn).encoded


class Pickpocket(Chained):
    """Has the key of an era that its owner left, and claims names with it before that is known, and after."""

    NAME = "pickpocket"

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:
        """See `Liar`: the owner is played as well, since nobody else has the chain."""
        turn = self.turn_of(line.victim)
        stolen = self.chain.era_key(0)
        for _ in range(4):
            yield self.genuine(self.lair.name_of_its_own(), stolen).encoded
        if turn == 2:
            yield self.genuine(self.name, self.chain.era_key(1)).encoded
        yield self.genuine(self.name, stolen, seq=self.now // 3600 + turn).encoded


LIARS: tuple[type[Liar], ...] = (
    Forger, Replayer, Boaster, Thief, Foreigner, Prophet, Revenant, Dialect, Equivocator, Undertaker, Hoarder, Mob,
    Suicide, Lazarus, Pickpocket,
)  # fmt: skip
