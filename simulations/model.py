"""What the run knows without looking into any node: who asked for what, and what was acknowledged.

Invariant: it changes by answers that a person would have seen, and by the loss of what a person lost, never by what a
node holds; so it can judge the nodes. What nobody can know (the answer was lost, two wishes crossed) is `UNSURE` and is
held against nobody.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import trio

from beam_actors.values import OwnerId
from simulations.lineage import Estate, Lineage
from simulations.wishes import Request, Standing, Wish, request_about


def label_of(name: str) -> str:
    """The name in a name's full form, `name.<owner>`, or the name itself."""
    return name.partition(".")[0]


_SPREAD = 5.0
"""Seconds after which everybody who can be told knows who holds a name."""


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


@attrs.frozen(slots=True)
class Saved:
    """What a person had when a backup of the machine was made."""

    owner: OwnerId | None
    estate: Estate
    standings: dict[str, Standing]
    """Of all wishes; names and tunnels have different keys."""
    names: frozenset[str]


@attrs.define(slots=True, eq=False)
class Person:
    """Who sits at one machine. Another owner after the keys were lost."""

    index: int
    owner: OwnerId | None = None
    names: dict[str, Wish] = attrs.field(factory=dict)
    offers: dict[str, Offer] = attrs.field(factory=dict)
    """By the tunnel's key."""
    pins: dict[str, OwnerId] = attrs.field(factory=dict)
    petnames: dict[str, tuple[str, OwnerId] | None] = attrs.field(factory=dict)
    """What each stands for; None if nobody can know."""
    era: int | None = 0
    """Of the owner's key on the machine; None if nobody can know."""
    estate: Estate = attrs.field(factory=Estate)
    """The owner, with the other machines."""
    saved: Saved | None = None

    @property
    def revoked(self) -> bool | None:
        """Whether the owner is revoked; None if nobody can know."""
        return self.estate.revoked

    @property
    def signs_again(self) -> bool:
        """Whether a machine of the owner lost what it had signed, so that it may sign a number twice."""
        return self.estate.again

    @property
    def outdated(self) -> bool:
        """Whether the owner is known to have opened an era, on another machine, that this one has no key of."""
        return self.era is not None and self.estate.latest is not None and self.era < self.estate.latest

    @property
    def doubtful(self) -> bool:
        """Whether nobody can know that."""
        return self.estate.shared and (self.era is None or self.estate.latest is None)

    def holds(self, name: str) -> bool:
        """Whether it was told that it holds the name, and nothing since, nor opened the owner an era elsewhere."""
        wish = self.names.get(name)
        told = wish is not None and wish.standing is Standing.HELD
        return told and self.revoked is False and not self.outdated

    def shares(self, name: str, *standings: Standing) -> bool:
        """Whether the name stands so, or may, at another machine of the owner.

        Without `standings`: whether it is held there.
        """
        wishes = (other.names.get(name) for other in self.estate.beside(self))
        asked = {Standing.UNSURE, *(standings or (Standing.HELD,))}
        return any(wish is not None and wish.standing in asked for wish in wishes)

    def bound(self, label: str) -> tuple[str, OwnerId] | None:
        """The name and the owner to which the person bound the label, by a petname or a pin."""
        if label in self.petnames:
            return self.petnames[label]
        return (label, self.pins[label]) if label in self.pins else None

    @property
    def held(self) -> list[str]:
        """The names that it was told it holds."""
        return [name for name in self.names if self.holds(name)]

    @property
    def given_up(self) -> list[str]:
        """The names that it held and was told it holds no longer."""
        return [name for name, wish in self.names.items() if self._stands(wish, Standing.NONE) and wish.ever]

    @property
    def handed_over(self) -> list[str]:
        """The names that it hands over, or did."""
        return [name for name, wish in self.names.items() if self._stands(wish, Standing.HANDED)]

    def _stands(self, wish: Wish, standing: Standing) -> bool:
        """Whether a name's wish is known to stand so: of an owner who is revoked no name does in any way."""
        return wish.standing is standing and self.revoked is False

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
        standings = {key: wish.standing for key, wish in self._wishes()}
        self.saved = Saved(self.owner, self.estate, standings, frozenset(self.names))

    def restored(self) -> None:
        """The disk is what it was at the backup: what changed since is anybody's guess, also at the peers."""
        saved = {} if self.saved is None else self.saved.standings
        if self.saved is not None and self.saved.owner != self.owner:
            self._is_again(self.saved)
            return
        self.estate.again = True
        self.era = None
        self._forget_bindings()
        for key, wish in self._wishes():
            if wish.standing is not saved.get(key, Standing.NONE):
                wish.standing = Standing.UNSURE

    def lost_data(self) -> None:
        """The database is gone and the keys are there: peers still know the names, the machine does not."""
        self.estate.again = True
        self._forget_bindings()
        for _key, wish in self._wishes():
            if wish.ever:
                wish.standing = Standing.UNSURE
        for offer in self.offers.values():
            offer.wish.standing = Standing.NONE

    def lost_keys(self) -> None:
        """Everything is gone: a new owner, who never had anything."""
        self.leaves()
        self.owner = None
        self.names.clear()
        self.offers.clear()
        self.pins.clear()
        self.petnames.clear()
        self.era, self.estate = 0, Estate()

    def leaves(self) -> None:
        """The machine is the owner's no more. An era that was opened there may never have been heard of elsewhere."""
        self.estate.left.update(name for name, wish in self.names.items() if wish.ever)
        others = self.estate.beside(self)
        if others and self.era and self.era == self.estate.latest:
            self.estate.latest = None
            for wish in (wish for other in others for wish in other.names.values()):
                if wish.standing is Standing.HANDED:
                    wish.standing = Standing.UNSURE

    @property
    def astray(self) -> bool:
        """Whether a key signs here that is worth nothing: own names lead nowhere then, whoever else holds them."""
        return self.outdated or bool(self.revoked)

    def _is_again(self, saved: Saved) -> None:
        """The backup is of another owner, who sat here before."""
        self.lost_keys()
        self.owner, self.estate, self.era = saved.owner, saved.estate, None
        self.estate.again = True
        for name in sorted(saved.names):
            self.names[name] = Wish(standing=Standing.UNSURE, ever=True)

    def _forget_bindings(self) -> None:
        """What was bound may be there or not."""
        self.pins.clear()
        self.petnames.update(dict.fromkeys(self.petnames))

    def _wishes(self) -> Iterator[tuple[str, Wish]]:
        yield from self.names.items()
        yield from ((key, offer.wish) for key, offer in self.offers.items())


class Model:
    """All people, and all who ever signed for a name."""

    def __init__(self, size: int, *, undisturbed: bool = False) -> None:
        """`undisturbed`: what one machine says is heard by the others within seconds, and their clocks agree."""
        self._undisturbed = undisturbed
        self.people = [Person(index) for index in range(size)]
        self.claimants: dict[str, set[OwnerId]] = {}
        """By name: the owners whose node was asked to claim it, with whatever outcome, and attackers who did."""
        self.strangers: set[OwnerId] = set()
        """The owners that attackers signed for."""
        self.lineage = Lineage()

    @contextmanager
    def registering(self, person: Person, name: str) -> Iterator[Request]:
        """Somebody asks for a name."""
        self.claims(name, person.owner)
        wish = person.names.setdefault(name, Wish())
        began = trio.current_time()
        with request_about(wish, Standing.HELD) as request:
            yield request
        if wish.standing is not Standing.HELD:
            return
        if person.shares(name, Standing.HANDED):
            wish.standing = Standing.UNSURE  # which of the two is later, their clocks say
        elif wish.given_up_at is not None and not self._is_heard(wish.given_up_at, began):
            wish.standing = Standing.UNSURE  # it was held, as far as was known here, and so nothing changed
        else:
            wish.given_up_at = None

    @contextmanager
    def releasing(self, person: Person, name: str) -> Iterator[Request]:
        """Somebody gives a name up."""
        with request_about(person.names.setdefault(name, Wish()), Standing.NONE) as request:
            yield request
        if person.names[name].standing is Standing.NONE:  # the owner's other machines let go of it when they hear that
            person.names[name].given_up_at = None
            now = trio.current_time()
            for other in person.estate.beside(person):
                wish = other.names.get(name)
                if wish is not None and wish.under_way:
                    wish.crossed = True  # that it is claimed is yet to be told, and may have been asked for before
                elif wish is not None and wish.standing is Standing.HELD:
                    wish.given_up_at = now
                    heard = self._is_heard(wish.asked_at, now) and not (person.outdated or person.doubtful)
                    wish.standing = Standing.NONE if heard else Standing.UNSURE  # it may count as claimed later

    def _is_heard(self, said: float, now: float) -> bool:
        """Whether what one machine said at a time is known to the others by now."""
        return self._undisturbed and now - said > _SPREAD

    @contextmanager
    def exposing(
        self, person: Person, name: str | None, port: int, key: str, allow: tuple[int, ...] | None = None
    ) -> Iterator[Request]:
        """Somebody offers a tunnel."""
        before = person.offers.get(key)
        offer = person.offers[key] = Offer(name, port, before.wish if before else Wish(), allow)
        with request_about(offer.wish, Standing.HELD) as request:
            yield request

    @contextmanager
    def withdrawing(self, person: Person, name: str | None, port: int, key: str) -> Iterator[Request]:
        """Somebody offers it no longer."""
        offer = person.offers.setdefault(key, Offer(name, port))
        with request_about(offer.wish, Standing.NONE) as request:
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
        others = [other for other in self.holders(name) if other.owner != person.owner]
        return bool(others) and self.is_sure(name) and trio.current_time() - self.asked_at(name) > _SPREAD

    def leads_to(self, name: str, person: Person) -> bool:
        """Whether the name must lead to this person, as far as people were told; its full form needs nobody else."""
        label, _, owner = name.partition(".")
        if person.shares(label) or label in person.estate.left:  # whether it is this machine, the claim decides
            return False
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
            person.revoked is None
            or (not person.revoked and (wish.standing is Standing.UNSURE or wish.under_way or person.doubtful))
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
