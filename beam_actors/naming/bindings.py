"""What a person bound on this machine: pins, by which a name leads to one owner, and petnames, which stand for a name.

    pin       cottage            -> cottage of that owner; by a command, or by use
    petname   anna               -> cottage of that owner; it is known on this machine alone

Invariant: a label is a pin or a petname, not both, and leads to the owner that a person chose or was led to, or to whom
that owner handed the name over (`pins.follow`); to nobody else and, if the row can't be read, nowhere. A petname is
never told to a peer: what leaves the machine is the name that it stands for.
"""

from collections.abc import Callable, Iterator
from typing import Literal

import attrs

from beam_actors.errors import NameNotFound, NotAllowed, QuotaExceeded
from beam_actors.naming import records
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.entry import Key
from beam_actors.naming.events import Interest
from beam_actors.naming.limits import DAY, Limits
from beam_actors.naming.pins import How, Pin, follow
from beam_actors.naming.registry import Registry
from beam_actors.ports import Change
from beam_actors.values import Name, OwnerId


class Bindings:
    """Pins and petnames of one machine. One holder; pure."""

    __slots__ = ("_called", "_limits", "_owner", "_record", "_registry", "lost", "petnames", "pins", "trusted")

    def __init__(self, registry: Registry, record: Callable[[Change], None], *, owner: OwnerId, limits: Limits) -> None:
        """`record` is given the store's changes; `owner` is this node's."""
        self._registry = registry
        self._record = record
        self._owner = owner
        self._limits = limits
        self.pins: dict[Name, Pin] = {}
        self.petnames: dict[Name, Pin] = {}
        """By what a person types; `Pin.name` is the name that it stands for."""
        self._called: dict[Name, list[Name]] = {}  # the petnames by what they stand for: asked for each new claim
        self.trusted = {owner}
        """This node's owner and all to whom a person bound something by a command."""
        self.lost: dict[Name, Literal["pin", "petname"]] = {}
        """What can't be read back: it leads nowhere, and not to whoever else claims the name."""

    # --- what a person does -------------------------------------------------------------------------------------------

    def pin(self, name: Name, owner: OwnerId, now: float) -> Pin:
        """Bind the name to the owner; raise `NotAllowed` if it is a petname here."""
        self.check_free(name)
        pin = follow(Pin(name, owner, int(now)), self._registry)
        self._put_pin(pin)
        return pin

    def unpin(self, name: Name) -> None:
        """Forget a pin; raise `NameNotFound`."""
        if self.pins.pop(name, None) is None and self.lost.get(name) != "pin":
            raise NameNotFound(f"{name} is not pinned; `beam names` lists what is.")
        self._record(records.drop_pin(name))
        self._bound(name)

    def call(self, petname: Name, name: Name, owner: OwnerId, now: float) -> Pin:
        """Let `petname` stand for the owner's `name`.

        Raises:
            NotAllowed: it is pinned, so it means something else here.
            QuotaExceeded: there are as many petnames as there may be.
        """
        if petname in self.pins or self.lost.get(petname) == "pin":
            raise NotAllowed(f"{petname} is pinned here; `beam unpin {petname}` first, or choose another petname.")
        if petname not in self.petnames and len(self.petnames) >= self._limits.petnames:
            raise QuotaExceeded(f"You have {self._limits.petnames} petnames, as many as there may be; forget one.")
        meant = follow(Pin(name, owner, int(now)), self._registry)
        self._put_petname(petname, meant)
        return meant

    def forget_petname(self, petname: Name) -> None:
        """Forget it; raise `NameNotFound`."""
        if petname in self.petnames:
            self._called[self.petnames.pop(petname).name].remove(petname)
        elif self.lost.get(petname) != "petname":
            raise NameNotFound(f"{petname} is not one of your petnames; `beam names` lists them.")
        self._record(records.drop_petname(petname))
        self._bound(petname)

    def check_free(self, name: Name) -> None:
        """Raise `NotAllowed` if the name is a petname here: what is claimed or pinned by it couldn't be reached."""
        if self.is_petname(name):
            raise NotAllowed(f"{name} is a petname of yours here; `beam petname --forget {name}` first.")

    # --- what a person is seen to do ----------------------------------------------------------------------------------

    def pin_by_use(self, name: Name, owner: OwnerId, how: How, now: float) -> None:
        """Bind the name to the owner to whom it led a person; of too many such pins the least lately used one goes."""
        by_use = sorted((pin.used, pin.name) for pin in self.pins.values() if pin.how != "command")
        for _used, least in by_use[: max(0, len(by_use) - self._limits.pins_by_use + 1)]:
            self.unpin(least)
        self._put_pin(follow(Pin(name, owner, int(now), how=how, used=int(now)), self._registry))

    def used(self, name: Name, now: float) -> None:
        """A pin led a person somewhere again. It is noted once a day, of those pins that may have to go."""
        pin = self.pins[name]
        if pin.how != "command" and abs(now - pin.used) >= DAY:
            self._put_pin(attrs.evolve(pin, used=int(now)))

    # --- what owners do -----------------------------------------------------------------------------------------------

    def follow(self, name: Name) -> None:
        """A claim of the name came in: follow what the bound owners say in it."""
        pin = self.pins.get(name)
        if pin is not None and (after := follow(pin, self._registry)) != pin:
            self._put_pin(after)
        for petname in self.petnames_of(name):
            meant = self.petnames[petname]
            if (after := follow(meant, self._registry)) != meant:
                self._put_petname(petname, after)

    def _put_pin(self, pin: Pin) -> None:
        self.pins[pin.name] = pin
        self._record(records.put_pin(pin))
        self._bound(pin.name)

    def _put_petname(self, petname: Name, meant: Pin) -> None:
        if petname in self.petnames:
            self._called[self.petnames[petname].name].remove(petname)
        self.load_petname(petname, meant)
        self._record(records.put_petname(petname, meant))
        self._bound(petname)

    def _bound(self, label: Name) -> None:
        """What the label leads to was decided anew."""
        self.lost.pop(label, None)
        self.trusted.clear()
        self.trusted.add(self._owner)
        self.trusted.update(pin.owner for pin in self.pins.values() if pin.how == "command")
        self.trusted.update(meant.owner for meant in self.petnames.values())

    # --- from the store -----------------------------------------------------------------------------------------------

    def load_pin(self, pin: Pin) -> None:
        """Take a pin back."""
        self.pins[pin.name] = pin
        if pin.how == "command":
            self.trusted.add(pin.owner)

    def load_petname(self, petname: Name, meant: Pin) -> None:
        """Take a petname back."""
        self.petnames[petname] = meant
        self._called.setdefault(meant.name, []).append(petname)
        self.trusted.add(meant.owner)

    # --- reading ------------------------------------------------------------------------------------------------------

    def petnames_of(self, name: Name) -> tuple[Name, ...]:
        """The petnames that stand for the name of some owner."""
        return tuple(self._called.get(name, ()))

    def is_petname(self, label: Name) -> bool:
        """Whether a person let the label stand for a name, whether or not that can be read back."""
        return label in self.petnames or self.lost.get(label) == "petname"

    def owners_of(self, name: Name) -> list[OwnerId]:
        """To whose hold on the name something is bound: at most one by a pin, the others by petnames."""
        found = [self.petnames[petname].owner for petname in self.petnames_of(name)]
        pin = self.pins.get(name)
        return list(dict.fromkeys([pin.owner, *found] if pin else found))

    def decides(self, label: Name) -> bool:
        """Whether a person bound the label, so that it leads to nothing else, whether or not that is there now."""
        return label in self.pins or label in self.petnames or label in self.lost

    def interests(self, name: Name, *, own: bool) -> list[Interest]:
        """Whose hold on the name matters to a person here, each owner once; `own`: this node's owner holds it."""
        found = [Interest("own", self._owner)] if own else []
        if name in self.pins and not (own and self.pins[name].owner == self._owner):
            found.append(Interest("pin", self.pins[name].owner))
        known = {interest.owner for interest in found}
        return found + [Interest("petname", owner) for owner in self.owners_of(name) if owner not in known]

    def binds(self, key: Key) -> bool:
        """Whether the hold is this node's owner's, or something is bound to it."""
        return key[1] == self._owner or key[1] in self.owners_of(key[0])

    def spares(self, claim: Claim) -> bool:
        """Whether a flood by others must not crowd the claim out.

        Of an owner whom a person trusts by a command that is each claim; of one to whom use led, that of the name
        alone: to open a page is not to give its owner room.
        """
        if claim.owner in self.trusted:
            return True
        if claim.kind is Kind.REVOCATION:
            return any(pin.owner == claim.owner for pin in self.pins.values())
        pin = self.pins.get(claim.name)
        return pin is not None and pin.owner == claim.owner

    def holds(self) -> Iterator[Key]:
        """The owners' holds that something is bound to."""
        return ((pin.name, pin.owner) for pin in (*self.pins.values(), *self.petnames.values()))

    def __repr__(self) -> str:
        return f"Bindings({len(self.pins)} pins, {len(self.petnames)} petnames)"
