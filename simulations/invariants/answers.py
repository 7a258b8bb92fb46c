"""What people are told: nobody else's key for a name, what was acknowledged, and after a heal the right answer.

These judge by the model alone: what people asked for and what they were told.
"""

from math import ceil
from typing import TYPE_CHECKING

import trio

from beam_actors.errors import ActorError, BeamError, NameContested, NameNotFound, TimedOut
from beam_actors.naming import Kind, Resolution
from beam_actors.values import Name, OwnerId
from simulations.invariants.base import Invariant, offer_text
from simulations.invariants.quotas import pushed_out
from simulations.wishes import Standing

if TYPE_CHECKING:
    from beam_actors.naming.knowledge import Knowledge
    from beam_actors.naming.pins import Pin
    from simulations.place import Place

_RENEWED_AFTER = 10 * 86_400 + 2 * 3600
"""Seconds: a third of the validity, and the hours between two looks of a name's keeper."""
_OFF_FOR = 19 * 86_400
"""Seconds that an own claim must still be valid for: it is of thirty days and renewed after ten (docs/naming.md)."""
_RENEWED_WITHIN = 100.0
"""Seconds after a start, or after the clock was set, within which an own name is looked after."""
_STALE_GRACE = 3 * 86_400
"""Seconds; docs/naming.md says so."""
_MOST_QUESTIONS = 5_000
"""Resolutions after a heal; in a larger run each name is asked at a part of the machines, and the report says so."""


_MISLED = "a stolen key spoke before anybody else did in that era"
"""A binding follows what opens an era: whoever copied a key that few have heard of yet may be first somewhere."""


class NobodyElsesKey(Invariant):
    """S3. An answer is an owner who claimed the name, and a machine of that owner."""

    id = "S3"
    title = "no name leads to a key that never signed for it, and a conflict is decided by the records alone"

    def registered(self, place: "Place", name: str, owner: OwnerId) -> None:
        """See `Invariant`."""
        self.expect(owner == place.person.owner, f"{place.name} was told that {name} is {owner.short}'s, not its own")

    def took(self, place: "Place", name: str) -> None:
        """See `Invariant`."""
        self.expect(False, f"{place.name} was given {name}, which everybody knows to be another's")

    def resolved(self, place: "Place", name: str, found: Resolution) -> None:
        """See `Invariant`."""
        label = name.partition(".")[0]
        claimants = self.stage.model.claimants.get(found.name.label, set())
        self.expect(
            found.owner in claimants, f"{name} leads at {place.name} to {found.owner.short}, who never claimed it"
        )
        bound = None if "." in name else place.person.bound(label)
        if bound is not None and not place.person.holds(label):
            lineage = self.stage.model.lineage
            led_to = lineage.led_to(*bound)
            if found.owner not in led_to and lineage.may_mislead(bound[1]):
                self.forgiven[_MISLED] += 1
                return
            self.expect(found.owner in led_to, f"{name} is bound at {place.name} and leads to another owner")
        self._is_not_over(place, found)
        if not self.expect(found.peers, f"{name} leads at {place.name} to no machine"):
            return
        machine = self.stage.machine_of(found.peers[0])
        if machine is not None:  # a hostile owner may name any machine
            self.expect(
                found.owner in machine.owners,
                f"{name} leads at {place.name} to {machine.name}, which is not {found.owner.short}'s",
            )

    def _is_not_over(self, place: "Place", found: Resolution) -> None:
        """A claim whose time is over answers only where nobody can be asked, and not for long."""
        known = self.stage.inside.knowledge(place.node)
        entry = known.registry.entry(found.name, found.owner) if known is not None else None
        if entry is not None:
            late = place.machine.clock.wall() - entry.claim.not_after
            grace = _STALE_GRACE if not self.stage.inside.connected(place.node) else 0
            self.expect(late <= grace, f"{found.name} leads at {place.name} to a claim that ended {late:.0f} s ago")

    def served(self, visitor: "Place", name: str | None, by: "Place", wanted: "Place") -> None:
        """See `Invariant`."""
        if name is None:
            self.expect(
                by is wanted, f"{visitor.name} asked for {wanted.name} by its peer id and was served by {by.name}"
            )
        else:
            claimants = self.stage.model.claimants.get(name.partition(".")[0], set())
            self.expect(
                claimants.intersection(by.owners),
                f"{visitor.name} asked for {name} and was served by {by.name}, whose owner never claimed it",
            )

    def opened_wrongly(self, place: "Place") -> None:
        """See `Invariant`: its names would be claimed by another owner."""
        self.expect(False, f"{place.name} opened a home that belongs to other keys")

    async def after_heal(self) -> None:
        """Nodes with the same records give the same answer: so no order of arrival and no clock decides."""
        await trio.lowlevel.checkpoint()
        answers: dict[tuple[bytes, ...], dict[str, str]] = {}
        for place in self.stage.core:
            known = self.stage.inside.knowledge(place.node)
            if known is None:
                continue
            mine = {
                label: ",".join(
                    sorted(claim.owner.short for claim in known.live(Name(label), place.machine.clock.wall()))
                )
                for label in self.stage.model.names
            }
            held = tuple(sorted(claim.id for claim in known.registry if known.registry.holds(claim)))
            same = answers.setdefault(held, mine)
            self.expect(same == mine, f"{place.name} decides otherwise than another node with the same claims")


class AcknowledgedStays(Invariant):
    """S13. What a person was told is done is still so after every end of the daemon, and after the heal."""

    id = "S13"
    title = "what was acknowledged is there after a crash"

    def booted(self, place: "Place") -> None:
        """See `Invariant`."""
        known = self.stage.inside.knowledge(place.node)
        if known is None:
            return
        self._judge_names(place, known, "came back")
        for name, owner in place.person.pins.items():
            pin = known.bindings.pins.get(Name(name))
            self._judge_binding(pin, name, owner, f"{place.name} was told that {name} is pinned, and it is {pin!r}")
        for petname, meant in place.person.petnames.items():
            if meant is not None:
                call = known.bindings.petnames.get(Name(petname))
                told = f"{place.name} was told that {petname} stands for {meant[0]}, and it stands for {call!r}"
                self._judge_binding(call, *meant, told)

    def _judge_binding(self, pin: "Pin | None", name: str, owner: OwnerId, wrong: str) -> None:
        lineage = self.stage.model.lineage
        led = pin is not None and pin.name.label == name and pin.owner in lineage.led_to(name, owner)
        if pin is not None and not led and lineage.may_mislead(owner):
            self.forgiven[_MISLED] += 1
            return
        self.expect(led, wrong)

    def _judge_names(self, place: "Place", known: "Knowledge", what: str) -> None:
        held = {name.label for name in known.own}
        for name in place.person.held:
            if not self._set_aside(known, name):
                self.expect(name in held, f"{place.name} was told that {name} is its own, and {what} without it")
        for name in place.person.given_up:
            if place.person.names[name].given_up_at is None or self._has_heard(known, name):
                self.expect(name not in held, f"{place.name} was told that {name} is given up, and {what} with it")

    def _has_heard(self, known: "Knowledge", name: str) -> bool:
        """Whether the machine knows that another one of its owner gave the name up: that it comes to know, L1 asks."""
        entry = known.registry.entry(Name(name), known.owner)
        return entry is not None and entry.claim.kind is Kind.TOMBSTONE

    def _set_aside(self, known: "Knowledge", name: str) -> bool:
        """Whether a thief's key may have given the name up or handed it over, in an era that the machine is to end."""
        stolen = (known.owner, known.registry.era_of(known.owner)) in self.stage.model.lineage.stolen
        if stolen and Name(name) in known.own.given_up:
            self.forgiven["a stolen key gave the name up, or handed it over, until the owner's next era"] += 1
            return True
        return False

    def look(self, place: "Place") -> None:
        """See `Invariant`: also between two ends; and an own name is claimed anew long before its claim ends."""
        known = self.stage.inside.knowledge(place.node)
        if known is None or not self.stage.inside.runs(place.node, "registry"):
            return
        self._judge_names(place, known, "goes on")
        if trio.current_time() - max(place.stepped_at, place.booted_at) < _RENEWED_WITHIN:
            return
        if place.machine.paused or place.disk_refused_around(trio.current_time(), _RENEWED_WITHIN):
            return
        for name in known.own:
            entry = known.registry.entry(name, known.owner)
            if entry is not None and entry.claim.kind is Kind.LIVE:
                age = place.machine.clock.wall() - entry.claim.issued
                self.expect(age < _RENEWED_AFTER, f"{place.name} has not renewed {name} for {age / 86_400:.0f} days")
                left = entry.claim.not_after - place.machine.clock.wall()
                self.expect(left > _OFF_FOR, f"{place.name}'s claim for {name} ends in {left / 86_400:.1f} days")

    def released(self, place: "Place", name: str) -> None:
        """See `Invariant`: a tombstone that was acknowledged is in the owner's own registry."""
        known = self.stage.inside.knowledge(place.node)
        if known is None or place.person.owner is None:
            return
        entry = known.registry.entry(Name(name), place.person.owner)
        self.expect(
            entry is not None and entry.claim.kind is Kind.TOMBSTONE,
            f"{place.name} was told that {name} is given up, and its own node still holds {entry and entry.claim!r}",
        )

    def not_held(self, place: "Place", name: str) -> None:
        """See `Invariant`."""
        known = self.stage.inside.knowledge(place.node) if place.up else None
        if known is None or not self._set_aside(known, name):
            self.expect(
                not place.person.holds(name), f"{place.name} was told that {name} is its own, and then that it is not"
            )

    def does_not_start(self, place: "Place", error: BeamError) -> None:
        """See `Invariant`."""
        self.expect(False, f"{place.name} does not start with a disk that works: {error.code}: {error}")

    async def after_heal(self) -> None:
        """See `Invariant`."""
        for place in self.stage.core:
            self.booted(place)
            offered = {status.key for status in await place.node.tunnels.list() if status.running}
            for key, offer in place.person.offers.items():
                if offer in place.person.offered:
                    self.expect(key in offered, f"{place.name} was told that {offer_text(place, offer)} is offered")
                elif offer.wish.standing is Standing.NONE:
                    self.expect(key not in offered, f"{place.name} was told that {offer_text(place, offer)} is not")


class NamesResolve(Invariant):
    """L2. At every machine: the holder, or a contest of exactly the holders, or nobody."""

    id = "L2"
    title = "every name of a living owner resolves from every node"

    async def after_heal(self) -> None:
        """See `Invariant`."""
        wanted = self.stage.model.wanted
        called = {petname for place in self.stage.core for petname in place.person.petnames}
        names = [name for name in wanted if self.stage.model.is_sure(name) and name not in called]
        places = self.stage.core
        step = max(1, ceil(len(names) * len(places) / _MOST_QUESTIONS))
        asked = 0
        for turn, name in enumerate(names):
            for place in places[turn % step :: step]:
                await self._ask(place, name)
                asked += 1
        self.figures |= {"names": float(len(names)), "asked of all pairs": asked / max(1, len(names) * len(places))}
        self.forgiven["nobody can know who holds the name"] += len(wanted) - len(names)

    async def _ask(self, place: "Place", name: str) -> None:
        bound = place.person.bound(name)
        if bound is not None and self.stage.model.lineage.may_mislead(bound[1]):
            self.forgiven[_MISLED] += 1
            return
        try:
            found = await place.node.naming.resolve(name)
        except NameContested:
            got = "contested"
        except NameNotFound:
            got = "nobody"
        except (ActorError, TimedOut) as error:
            got = error.code
        else:
            got = found.owner.short
            self.stage.invariants.resolved(place, name, found)
        settled = self._decided(place, name)
        right = self._right(place, name) if settled is None else (settled.short,)
        if place.person.astray and name in place.person.names:
            right = (*right, "nobody")  # where it was an own name it goes on to be one, of a key that is worth nothing
        self.expect(got in right, f"{name} at {place.name}: {got}, not {right}")

    def _bound(self, name: str, pinned: OwnerId, owners: list[OwnerId]) -> tuple[str, ...]:
        """What may be answered where the name is pinned."""
        led_to = self.stage.model.lineage.led_to(name, pinned)
        if len(led_to) > 1:  # whether it must follow, S24 says
            may = [*owners, *self.stage.former_holders(name)]
            return (*(owner.short for owner in may if owner in led_to), "nobody")
        return (pinned.short,) if pinned in owners else (pinned.short, "nobody")

    def _decided(self, place: "Place", name: str) -> OwnerId | None:
        """Whom the machine leads to although others claim the name; whether rightly, S22 and S23 judge."""
        known = self.stage.inside.knowledge(place.node)
        if known is None or place.person.holds(name) or name in {*place.person.pins, *place.person.petnames}:
            return None
        if self.stage.inside.pinned_by_use(place.node, name) is not None:
            return None
        settled: OwnerId | None = known.settled(Name(name), place.machine.clock.wall())
        return settled

    def _is_pushed_out(self, place: "Place", name: str, owner: OwnerId) -> bool:
        """Whether there is no room for the owner's hold at the machine, by the quotas."""
        known = self.stage.inside.knowledge(place.node)
        if known is None or known.registry.entry(Name(name), owner) is not None:
            return False
        return pushed_out((name, owner), known.registry, self.stage.work.level)

    def _right(self, place: "Place", name: str) -> tuple[str, ...]:
        """What may be answered there."""
        if place.person.holds(name) and place.person.owner is not None:
            return (place.person.owner.short,)
        people = [person for person in self.stage.model.holders(name) if not self.stage.places[person.index].gone]
        owners = list(dict.fromkeys(person.owner for person in people if person.owner is not None))
        pinned = place.person.pins.get(name) or self.stage.inside.pinned_by_use(place.node, name)
        if pinned is not None:
            return self._bound(name, pinned, owners)
        former = [owner for owner in self.stage.former_holders(name) if owner not in owners]
        if owners and self.stage.gang.owners.issuperset(former):
            # The claims of attackers may have got here or not, and the honest one has: never is a thief alone.
            only = () if len(owners) > 1 else (owners[0].short,)
            if all(self._is_pushed_out(place, name, owner) for owner in owners):
                only = (*only, "nobody")  # thirty-two that gave the name up have its places there
            return ("contested", *only) if former or not only else only
        if former:  # owners whose keys are lost: their claims live on for thirty days, or never got here
            return ("contested", "nobody", *(owner.short for owner in [*owners, *former]))
        if not owners:
            return ("nobody",)
        return ("contested",) if len(owners) > 1 else (owners[0].short,)
