"""Owners as people were told of them: the eras that they opened, to whom they handed names over, whose keys leaked.

Invariant: as for the model, whose part it is: no node is looked into, and what nobody can know is None.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from beam_actors.errors import NameNotFound, NotAllowed
from beam_actors.values import OwnerId
from simulations.wishes import Request, Standing, Wish, request_about

if TYPE_CHECKING:
    from simulations.model import Person


class Lineage:
    """What became of owners and of their names beyond their own machines."""

    def __init__(self) -> None:
        self.heirs: dict[tuple[str, OwnerId], set[OwnerId]] = {}
        """To whom an owner handed a name over, or began to."""
        self.handed_in: dict[tuple[str, OwnerId], int] = {}
        """In which era that was."""
        self.stolen: set[tuple[OwnerId, int]] = set()
        """The keys, by owner and era, that somebody else has, too."""

    def may_mislead(self, owner: OwnerId, era: int = 0) -> bool:
        """Whether a stolen key may be the first that spoke in a later era of the owner's than this one, somewhere."""
        return any(whose == owner and later > era for whose, later in self.stolen)

    @contextmanager
    def opening_era(self, person: "Person") -> Iterator[Callable[[int], None]]:
        """Somebody opens the next era; what is yielded is told which one that was."""
        before, person.era = person.era, None

        def opened(era: int) -> None:
            person.era = era

        try:
            yield opened
        except (NameNotFound, NotAllowed):  # nothing was written
            person.era = before
            raise

    @contextmanager
    def handing_over(self, person: "Person", name: str, heir: OwnerId) -> Iterator[Request]:
        """Somebody hands a name over."""
        if person.owner is not None:
            self.heirs.setdefault((name, person.owner), set()).add(heir)
        with request_about(person.names.setdefault(name, Wish()), Standing.HANDED) as request:
            yield request

    def handed(self, person: "Person", name: str, era: int) -> None:
        """The next daemon hands the name over, in this era."""
        if person.owner is not None:
            self.handed_in[name, person.owner] = era

    @contextmanager
    def revoking(self, person: "Person") -> Iterator[Callable[[], None]]:
        """Somebody ends an owner for good; what is yielded is called when it is done."""
        person.revoked = person.revoked or None

        def revoked() -> None:
            person.revoked = True

        yield revoked

    def led_to(self, name: str, owner: OwnerId) -> set[OwnerId]:
        """To whom what was bound to an owner's name may lead: the owner, and whoever got it from one of these."""
        found, new = {owner}, [owner]
        while new:
            heirs = self.heirs.get((name, new.pop()), set()) - found
            found |= heirs
            new += sorted(heirs)
        return found
