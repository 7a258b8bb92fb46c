"""Owners as people were told of them: the eras that they opened, to whom they handed names over, whose keys leaked.

Invariant: as for the model, whose part it is: no node is looked into, and what nobody can know is None.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from beam_actors.errors import NameNotFound, NotAllowed
from beam_actors.values import OwnerId
from simulations.wishes import Request, Standing, Wish, request_about

if TYPE_CHECKING:
    from simulations.model import Person


@attrs.define(slots=True, eq=False)
class Estate:
    """One owner as people were told, on whichever machines the owner sits."""

    latest: int | None = 0
    """The era that was opened last; None if nobody can know."""
    revoked: bool | None = False
    """Whether the owner is revoked; None if nobody can know."""
    seats: list["Person"] = attrs.field(factory=list)
    """Who ever sat at a machine as this owner, in the order in which they came."""
    left: set[str] = attrs.field(factory=set)
    """Names that a machine held which is the owner's no more: its claims name it for as long as they last."""
    again: bool = False
    """Whether one of the machines lost what it had signed, so that it may sign a number twice (and must heal that)."""

    @property
    def shared(self) -> bool:
        """Whether there was ever more than one machine: two may sign one number, before they hear of each other."""
        return len(self.seats) > 1

    def beside(self, person: "Person") -> list["Person"]:
        """The others who sit there now."""
        return [other for other in self.seats if other is not person and other.estate is self]

    def __repr__(self) -> str:
        return f"<Estate of era {self.latest}, {len(self.seats)} seats>"


class Lineage:
    """What became of owners and of their names beyond their own machines."""

    def __init__(self) -> None:
        self.heirs: dict[tuple[str, OwnerId], set[OwnerId]] = {}
        """To whom an owner handed a name over, or began to."""
        self.handed_in: dict[tuple[str, OwnerId], int] = {}
        """In which era that was."""
        self.stolen: set[tuple[OwnerId, int]] = set()
        """The keys, by owner and era, that somebody else has, too."""
        self.estates: dict[OwnerId, Estate] = {}
        """All owners who ever sat anywhere."""

    def sits(self, person: "Person", owner: OwnerId) -> None:
        """A daemon of this owner runs at the person's machine."""
        if owner not in self.estates:
            self.estates[owner] = person.estate if person.owner is None else Estate()
            person.era = 0
        estate = self.estates[owner]
        if not any(seat is person for seat in estate.seats):
            estate.seats.append(person)
        person.owner, person.estate = owner, estate

    def may_mislead(self, owner: OwnerId, era: int = 0) -> bool:
        """Whether a stolen key may be the first that spoke in a later era of the owner's than this one, somewhere."""
        return any(whose == owner and later > era for whose, later in self.stolen)

    @contextmanager
    def opening_era(self, person: "Person") -> Iterator[Callable[[int], None]]:
        """Somebody opens the next era; what is yielded is told which one that was."""
        estate = person.estate
        before = person.era, estate.latest
        person.era = estate.latest = None

        def opened(era: int) -> None:
            known = era if before[1] is not None or not estate.shared else None
            person.era, estate.latest = era, known if known is None else max(era, before[1] or 0)
            # Who held a name that another machine gave up claims it anew in an era: it may have been a thief.
            for wish in (wish for seat in estate.seats for wish in seat.names.values()):
                if wish.given_up_at is not None and wish.standing is Standing.NONE:
                    wish.standing = Standing.UNSURE

        try:
            yield opened
        except (NameNotFound, NotAllowed):  # nothing was written
            person.era, estate.latest = before
            raise

    @contextmanager
    def recovering(self, person: "Person", owner: OwnerId, era: int) -> Iterator[Callable[[], None]]:
        """Somebody gives a machine the owner's key of this era; what is yielded is called when it has it."""
        person.era = None
        estate = self.estates[owner]

        def recovered() -> None:
            if person.owner is None:
                person.estate = estate
                self.sits(person, owner)
            person.era = era

        yield recovered

    @contextmanager
    def handing_over(self, person: "Person", name: str, heir: OwnerId) -> Iterator[Request]:
        """Somebody hands a name over."""
        if person.owner is not None:
            self.heirs.setdefault((name, person.owner), set()).add(heir)
        with request_about(person.names.setdefault(name, Wish()), Standing.HANDED) as request:
            yield request
        # The owner's other machines let go of it when they hear that.
        if person.names[name].standing is Standing.HANDED:
            for other in person.estate.beside(person):
                if name in other.names and other.names[name].standing is Standing.HELD:
                    other.names[name].standing = Standing.HANDED

    def handed(self, person: "Person", name: str, era: int) -> None:
        """The next daemon hands the name over, in this era."""
        if person.owner is not None:
            self.handed_in[name, person.owner] = era

    @contextmanager
    def revoking(self, person: "Person") -> Iterator[Callable[[], None]]:
        """Somebody ends an owner for good; what is yielded is called when it is done."""
        estate = person.estate
        estate.revoked = estate.revoked or None

        def revoked() -> None:
            estate.revoked = True

        yield revoked

    def led_to(self, name: str, owner: OwnerId) -> set[OwnerId]:
        """To whom what was bound to an owner's name may lead: the owner, and whoever got it from one of these."""
        found, new = {owner}, [owner]
        while new:
            heirs = self.heirs.get((name, new.pop()), set()) - found
            found |= heirs
            new += sorted(heirs)
        return found
