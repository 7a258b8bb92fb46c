"""What the run knows without looking into any node: who asked for what, and what was acknowledged.

Invariant: it changes by answers that a person would have seen, and by the loss of what a person lost, never by what a
node holds; so it can judge the nodes. What nobody can know (the answer was lost, two wishes crossed) is `UNSURE` and is
held against nobody.
"""

import enum
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import trio

from beam_actors.values import OwnerId


def label_of(name: str) -> str:
    """The name in a name's full form, `name.<owner>`, or the name itself."""
    return name.partition(".")[0]


_SPREAD = 5.0
"""Seconds after which everybody who can be told knows who holds a name."""


class Standing(enum.Enum):
    """Of a wish: a name to hold, a tunnel to offer."""

    NONE = "none"
    """Never asked for, or given up and acknowledged."""
    HELD = "held"
    """Acknowledged."""
    UNSURE = "unsure"


@attrs.define(slots=True)
class Wish:
    """One key of one person: how it stands, and how many requests about it are under way."""

    standing: Standing = Standing.NONE
    under_way: int = 0
    crossed: bool = False
    ever: bool = False
    """Whether it was ever asked for, and not refused."""
    asked_at: float = 0.0
    """When the last request about it began or ended."""


@attrs.frozen(slots=True)
class Offer:
    """A tunnel as its owner asked for it."""

    name: str | None
    port: int
    wish: Wish = attrs.field(factory=Wish)
    allow: tuple[int, ...] | None = None
    """The machines that may come in; None for everybody."""

    def lets_in(self, machine: int) -> bool:
        """Whether the machine may come in."""
        return self.allow is None or machine in self.allow


@attrs.define(slots=True)
class Person:
    """Who sits at one machine. Another owner after the keys were lost."""

    index: int
    owner: OwnerId | None = None
    names: dict[str, Wish] = attrs.field(factory=dict)
    offers: dict[str, Offer] = attrs.field(factory=dict)
    """By the tunnel's key."""
    pins: dict[str, OwnerId] = attrs.field(factory=dict)
    saved: dict[str, Standing] | None = None
    """How all wishes stood when the backup was made; names and tunnels have different keys."""
    signs_again: bool = False
    """Whether it lost what it had signed, so that it may sign a number twice (and must heal that)."""

    def holds(self, name: str) -> bool:
        """Whether it was told that it holds the name, and nothing since."""
        wish = self.names.get(name)
        return wish is not None and wish.standing is Standing.HELD

    @property
    def held(self) -> list[str]:
        """The names that it was told it holds."""
        return [name for name, wish in self.names.items() if wish.standing is Standing.HELD]

    @property
    def given_up(self) -> list[str]:
        """The names that it held and was told it holds no longer."""
        return [name for name, wish in self.names.items() if wish.standing is Standing.NONE and wish.ever]

    @property
    def offered(self) -> list[Offer]:
        """The tunnels that it was told it offers."""
        return [offer for offer in self.offers.values() if offer.wish.standing is Standing.HELD]

    def offer(self, name: str | None, port: int) -> Offer | None:
        """What a request for the port of the name, or of this person's machine, means."""
        exact = self.offers.get(f"{label_of(name) if name else '_'}.{port}")
        if exact is not None or name is not None:
            return exact
        same = [
            offer for offer in self.offers.values() if offer.port == port and offer.wish.standing is not Standing.NONE
        ]
        return same[0] if len(same) == 1 else None

    def save(self) -> None:
        """A backup of the disk is made."""
        self.saved = {key: wish.standing for key, wish in self._wishes()}

    def restored(self) -> None:
        """The disk is what it was at the backup: what changed since is anybody's guess, also at the peers."""
        saved = self.saved or {}
        self.signs_again = True
        self.pins.clear()
        for key, wish in self._wishes():
            if wish.standing is not saved.get(key, Standing.NONE):
                wish.standing = Standing.UNSURE

    def lost_data(self) -> None:
        """The database is gone and the keys are there: peers still know the names, the machine does not."""
        self.signs_again = True
        self.pins.clear()
        for _key, wish in self._wishes():
            if wish.ever:
                wish.standing = Standing.UNSURE
        for offer in self.offers.values():
            offer.wish.standing = Standing.NONE

    def lost_keys(self) -> None:
        """Everything is gone: a new owner, who never had anything."""
        self.owner = None
        self.names.clear()
        self.offers.clear()
        self.pins.clear()
        self.saved = None

    def _wishes(self) -> Iterator[tuple[str, Wish]]:
        yield from self.names.items()
        yield from ((key, offer.wish) for key, offer in self.offers.items())


class Request:
    """One request under way; what it was told is said by `done` or `refused`, or by neither."""

    def __init__(self, wish: Wish, wanted: Standing) -> None:
        self._wish = wish
        self._wanted = wanted
        self._before = wish.standing, wish.ever

    def done(self) -> None:
        """It was acknowledged."""
        self._wish.standing = Standing.UNSURE if self._wish.crossed else self._wanted

    def refused(self) -> None:
        """Nothing was changed, for certain."""
        if self._wish.crossed:
            self._wish.standing = Standing.UNSURE
        else:
            self._wish.standing, self._wish.ever = self._before


class Model:
    """All people, and all who ever signed for a name."""

    def __init__(self, size: int) -> None:
        self.people = [Person(index) for index in range(size)]
        self.claimants: dict[str, set[OwnerId]] = {}
        """By name: the owners whose node was asked to claim it, with whatever outcome, and attackers who did."""
        self.strangers: set[OwnerId] = set()
        """The owners that attackers signed for."""

    @contextmanager
    def registering(self, person: Person, name: str) -> Iterator[Request]:
        """Somebody asks for a name."""
        self.claims(name, person.owner)
        with _request(person.names.setdefault(name, Wish()), Standing.HELD) as request:
            yield request

    @contextmanager
    def releasing(self, person: Person, name: str) -> Iterator[Request]:
        """Somebody gives a name up."""
        with _request(person.names.setdefault(name, Wish()), Standing.NONE) as request:
            yield request

    @contextmanager
    def exposing(
        self, person: Person, name: str | None, port: int, key: str, allow: tuple[int, ...] | None = None
    ) -> Iterator[Request]:
        """Somebody offers a tunnel."""
        before = person.offers.get(key)
        offer = person.offers[key] = Offer(name, port, before.wish if before else Wish(), allow)
        with _request(offer.wish, Standing.HELD) as request:
            yield request

    @contextmanager
    def withdrawing(self, person: Person, name: str | None, port: int, key: str) -> Iterator[Request]:
        """Somebody offers it no longer."""
        offer = person.offers.setdefault(key, Offer(name, port))
        with _request(offer.wish, Standing.NONE) as request:
            yield request

    def pinned(self, person: Person, name: str, owner: OwnerId) -> None:
        """Somebody was told that a name is pinned."""
        person.pins[name] = owner

    def claims(self, name: str, owner: OwnerId | None) -> None:
        """From now on the owner may have signed for the name."""
        if owner is not None:
            self.claimants.setdefault(name, set()).add(owner)

    def asked_at(self, name: str | None) -> float:
        """When somebody last asked for the name or gave it up."""
        wishes = (person.names.get(label_of(name)) for person in self.people) if name is not None else ()
        return max((wish.asked_at for wish in wishes if wish is not None), default=0.0)

    def is_taken(self, person: Person, name: str) -> bool:
        """Whether somebody else, and not the person, was told some time ago that the name is theirs.

        Not if somebody asked for it since. Who holds it beside the other, having contested it, may claim it again.
        """
        if person.holds(name):
            return False
        others = [other for other in self.holders(name) if other is not person]
        return bool(others) and self.is_sure(name) and trio.current_time() - self.asked_at(name) > _SPREAD

    def leads_to(self, name: str, person: Person) -> bool:
        """Whether the name must lead to this person, as far as people were told; its full form needs nobody else."""
        label, _, owner = name.partition(".")
        if owner:
            return self.is_sure(label) and person.holds(label) and owner == str(person.owner)
        contested = not self.strangers.isdisjoint(self.claimants.get(name, ()))
        return self.is_sure(name) and self.holders(name) == [person] and not contested

    def holders(self, name: str) -> list[Person]:
        """Who was told that they hold the name."""
        return [person for person in self.people if person.holds(name)]

    def is_sure(self, name: str) -> bool:
        """Whether everybody's standing about the name is known."""
        return not any(
            wish.standing is Standing.UNSURE or wish.under_way
            for person in self.people
            if (wish := person.names.get(name)) is not None
        )

    @property
    def wanted(self) -> list[str]:
        """The names that people asked for, sorted; not those that attackers made up."""
        return sorted({name for person in self.people for name in person.names})

    @property
    def names(self) -> list[str]:
        """All names that anybody asked for, sorted."""
        return sorted(self.claimants)


@contextmanager
def _request(wish: Wish, wanted: Standing) -> Iterator[Request]:
    request = Request(wish, wanted)
    wish.crossed = wish.under_way > 0
    wish.under_way += 1
    wish.ever = wish.ever or wanted is Standing.HELD
    wish.standing = Standing.UNSURE
    wish.asked_at = trio.current_time()
    try:
        yield request
    finally:
        wish.under_way -= 1
        wish.asked_at = trio.current_time()
