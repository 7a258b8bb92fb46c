"""What owners do by the recovery phrase, and what was bound to them: S24 and L10.

The rule is that of docs/naming.md, judged by what people did (`simulations/model.py`): a pin "follows the owner's
rotations, and a transfer if that opened an era which the pin had not seen", it "never switches to another owner's
claim", and a petname is like a pin. After an era was opened the thief of the key before signs for nothing.
"""

from typing import TYPE_CHECKING

import attrs

from beam_actors.errors import BeamError, NameNotFound
from beam_actors.naming import Kind
from beam_actors.values import Name, OwnerId
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beam_actors.naming import Pin
    from beam_actors.naming.knowledge import Knowledge
    from beam_actors.naming.registry import Registry
    from simulations.model import Person
    from simulations.place import Place

_MOST_HOPS = 8


@attrs.frozen(slots=True)
class _Bound:
    """A binding as it was at the last look."""

    name: Name
    owner: OwnerId
    since: float
    era: int
    """The latest era of the owner in which the machine was seen to know the name."""


class BindingsFollowOwners(Invariant):
    """S24. Each pin and petname of each machine, whatever made it, is compared with what it was a second ago."""

    id = "S24"
    title = "a pin or petname leads along what its owner handed over, and nowhere else"
    why = "nothing was bound"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._last: dict[tuple[int, bool, Name], _Bound] = {}
        self._misled: set[tuple[int, bool, Name]] = set()

    def look(self, place: "Place") -> None:
        """See `Invariant`."""
        known = self.stage.inside.knowledge(place.node)
        if known is None or not self.stage.inside.runs(place.node, "registry"):
            return
        for called, label, pin in _bindings(known):
            key = place.index, called, label
            before = self._last.get(key)
            if before is not None and (before.name, before.since) == (pin.name, pin.since):
                self._judge(place, key, before, pin)
            else:
                self._misled.discard(key)
                before = None
            entry = known.registry.entry(pin.name, pin.owner)
            era = entry.claim.era if entry is not None else 0
            if before is not None and before.owner == pin.owner:
                era = max(era, before.era)
            self._last[key] = _Bound(pin.name, pin.owner, pin.since, era)

    def _judge(self, place: "Place", key: tuple[int, bool, Name], before: _Bound, pin: "Pin") -> None:
        led_to = self.stage.model.lineage.led_to(before.name.label, before.owner)
        may_mislead = self.stage.model.lineage.may_mislead
        eras = {owner: before.era if owner == before.owner else 0 for owner in led_to}
        if pin.owner not in led_to and any(may_mislead(owner, era) for owner, era in eras.items()):
            self.forgiven["a stolen key spoke before anybody else did in that era"] += 1
            self._misled.add(key)
            return
        self.expect(
            pin.owner in led_to,
            f"{key[2]} was bound at {place.name} to {before.owner.short} and went over to {pin.owner.short}, "
            "to whom nobody handed it",
        )

    def lost_memory(self, place: "Place") -> None:
        """See `Invariant`."""
        self._last = {key: bound for key, bound in self._last.items() if key[0] != place.index}

    async def after_heal(self) -> None:
        """All that is bound leads to its owner, to the heir if the machine knows of the transfer, or nowhere."""
        for place in self.stage.core:
            known = self.stage.inside.knowledge(place.node)
            if known is None:
                continue
            for called, label, pin in list(_bindings(known)):
                owns = label in known.own
                if not owns and (place.index, called, label) not in self._misled:
                    await self._ask(place, known.registry, label, pin)

    async def _ask(self, place: "Place", registry: "Registry", label: Name, pin: "Pin") -> None:
        heir = self._heir(registry, pin)
        entry = registry.entry(pin.name, heir)
        live = entry is not None and entry.claim.kind is Kind.LIVE and not registry.is_revoked(heir)
        try:
            found = (await place.node.naming.resolve(label.label)).owner
        except NameNotFound:
            found = None
        except BeamError as error:
            self.expect(False, f"{label} is bound at {place.name}, and leads to {error.code}")
            return
        right = heir if live else None
        self.expect(
            found == right,
            f"{label} is bound at {place.name} to {pin.name} of {pin.owner.short} and leads to "
            f"{found and found.short}, not to {right and right.short}",
        )
        word = "nowhere" if found is None else "to an heir" if heir in self._inherited(pin.name) else "to its owner"
        self.figures[f"lead {word}"] = self.figures.get(f"lead {word}", 0.0) + 1.0

    def _heir(self, registry: "Registry", pin: "Pin") -> OwnerId:
        """Whom the binding must have followed to, by what the machine knows and by what people did."""
        owner = pin.owner
        for _ in range(_MOST_HOPS):
            entry = registry.entry(pin.name, owner)
            heir = None if entry is None else entry.claim.terms.successor
            if heir is None or registry.entry(pin.name, heir) is None:
                break
            if heir not in self.stage.model.lineage.led_to(pin.name.label, owner):
                break
            owner = heir
        return owner

    def _inherited(self, name: Name) -> set[OwnerId]:
        return {
            heir
            for (label, _), heirs in self.stage.model.lineage.heirs.items()
            if label == name.label
            for heir in heirs
        }


class ErasStand(Invariant):
    """L10. After L1, so that all machines have had their time to hear of it."""

    id = "L10"
    title = "the key of a former era and a revoked owner hold no name anywhere"
    why = "no owner opened an era or was revoked"

    async def after_heal(self) -> None:
        """See `Invariant`."""
        for person in self.stage.model.people:
            known_era = person.era is not None and person.estate.latest is not None
            if person.owner is None or not known_era or not (person.estate.latest or person.revoked):
                continue
            for place in self.stage.core:
                known = self.stage.inside.knowledge(place.node)
                if known is not None and person.revoked:
                    await self._revoked(place, known.registry, person, person.owner)
                elif known is not None and person.revoked is False:
                    self._present(place, known.registry, person, person.owner)

    def _present(self, place: "Place", registry: "Registry", person: "Person", owner: OwnerId) -> None:
        """What is held is said by the key of the present era, and served where the owner sits."""
        homes = {peer for place in self.stage.seats_of(owner) for peer in place.peers}
        latest = person.estate.latest
        for entry in registry.names_of(owner):
            for claim in entry.claims:
                if person.held:
                    self.expect(
                        claim.era == latest,
                        f"{place.name} keeps {claim!r} of era {claim.era}, and its owner opened era {latest}",
                    )
                if claim.era == latest:
                    self.expect(
                        homes.issuperset(map(str, claim.peers)),
                        f"{place.name} leads by {claim!r} to a machine that is not its owner's",
                    )

    async def _revoked(self, place: "Place", registry: "Registry", person: "Person", owner: OwnerId) -> None:
        self.expect(
            registry.is_revoked(owner) and not list(registry.names_of(owner)),
            f"{place.name} keeps claims of m{person.index}, whose owner is revoked",
        )
        for name in sorted(person.names):
            try:
                found = await place.node.naming.resolve(f"{name}.{owner}")
            except NameNotFound:
                self.checks += 1
            except BeamError as error:
                self.expect(False, f"{name}.{owner.short} at {place.name}: {error.code}")
            else:
                self.expect(False, f"{name} leads at {place.name} to {found.owner.short}, who is revoked")


def _bindings(known: "Knowledge") -> "Iterator[tuple[bool, Name, Pin]]":
    """What is bound on a machine: whether it is a petname, what is typed, and to whom it is bound."""
    for name, pin in known.bindings.pins.items():
        yield False, name, pin
    for petname, meant in known.bindings.petnames.items():
        yield True, petname, meant
