"""L1: after a heal, every node comes to hold the same claims, and how long that takes at each of them."""

from typing import TYPE_CHECKING

import trio

from beam_actors.naming import Claim, Kind
from beam_actors.naming.registry import Registry
from beam_actors.values import Name
from simulations.invariants.base import Invariant
from simulations.invariants.quotas import pushed_out, to_be_equal
from simulations.invariants.reference import canonical, reference
from simulations.wishes import Standing

if TYPE_CHECKING:
    from simulations.model import Person
    from simulations.place import Place


def _says(registry: Registry, name: Name, person: "Person", wanted: Kind, *, since: int) -> bool:
    """Whether the person's owner says so of the name, in the era of the key; a later one than `since` ends the rest.

    An era in which nothing is held is opened by giving up a name of before, whatever became of it.
    """
    if person.owner is None:
        return False
    entry = registry.entry(name, person.owner)
    if entry is None or (entry.claim.kind is Kind.TOMBSTONE and entry.claim.era > since):
        return wanted is not Kind.LIVE and registry.era_of(person.owner) > since
    present = wanted is not Kind.LIVE or person.era is None or entry.claim.era >= person.era
    return entry.claim.kind is wanted and present


def _is_to_open(registry: Registry, person: "Person") -> bool:
    """Whether all that the owner said is of eras before the one that was opened last, whose key the machine has.

    Its daemon opens that, though nothing is held; it asks its peers before, for seconds.
    """
    has_key = person.revoked is False and person.era is not None and person.era == person.estate.latest
    said = registry.names_of(person.owner) if has_key and person.owner is not None else ()
    return any(entry.era < (person.era or 0) for entry in said)


def _said_otherwise(registry: Registry, person: "Person", name: str, wanted: Kind) -> bool:
    """Whether another machine of the owner holds the name (L11 asks for that), or hands over what is given up here.

    One that is the owner's no more may have claimed it last, or opened an era in which it is held by none.
    """
    if wanted is Kind.LIVE and person.owner is not None:
        return person.doubtful and registry.era_of(person.owner) > (person.era or 0)
    if wanted is Kind.TOMBSTONE and person.shares(name, Standing.HANDED):
        return True
    return person.shares(name) or name in person.estate.left


class RegistriesAgree(Invariant):
    """L1. All registries are equal to the byte, and hold what the model says that people hold."""

    id = "L1"
    title = "the registries of all connected nodes become equal"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._changed_at: dict[int, float] = {}
        self.seconds: list[float] = []
        """For each machine: how long after the heal its registry last changed."""

    def claims_changed(self, place: "Place", registry: Registry, new: list[Claim], gone: list[Claim]) -> None:  # noqa: ARG002
        """See `Invariant`."""
        self._changed_at[place.index] = trio.current_time()

    async def after_heal(self) -> None:
        """See `Invariant`."""
        stage = self.stage
        if not stage.model.names and not any(stage.invariants.known_claims(place) for place in stage.core):
            return
        start = trio.current_time()
        while True:
            for place in stage.core:  # at their claims only: all else is looked at meanwhile, as ever
                if place.up:
                    stage.invariants.look_at_claims(place)
            lagging = self._lagging()
            if not lagging:
                break
            if trio.current_time() - start > stage.plan.bounds.converge:
                self.expect(False, f"{stage.plan.bounds.converge:g} s after the heal {lagging}")
                return
            await trio.sleep(1.0)
        stage.invariants.look(stage.core)
        self._check_bytes()
        self.seconds = sorted(max(0.0, self._changed_at.get(place.index, 0.0) - start) for place in stage.core)
        self.figures |= {
            "p50 s": self.seconds[len(self.seconds) // 2],
            "p95 s": self.seconds[int(len(self.seconds) * 0.95)],
            "last s": self.seconds[-1],
            # What people do goes on for a while after the heal, and only then is this waited for.
            "last since the heal s": max(0.0, max(self._changed_at.values(), default=0.0) - stage.healed_at),
        }

    def _lagging(self) -> str:
        """What keeps the nodes from agreement, or nothing."""
        stage = self.stage
        down = [place.name for place in stage.core if not place.up or stage.inside.knowledge(place.node) is None]
        if down:
            return f"{', '.join(down[:5])} can't be asked"
        judged = self._judged()
        held = {place.name: judged[place.index].keys() for place in stage.core}
        kinds = {frozenset(ids) for ids in held.values()}
        if len(kinds) > 1:
            every = frozenset().union(*kinds)
            apart = len(every - frozenset.intersection(*kinds))
            name, poorest = min(held.items(), key=lambda item: len(item[1]))
            return (
                f"there are {len(kinds)} different registries; {apart} claims are not everywhere, "
                f"{len(every) - len(poorest)} of them not at {name}"
            )
        return self._unopened() or self._unheard()

    def _judged(self) -> dict[int, dict[bytes, Claim]]:
        """What all must agree on. Attackers' claims come all the time: on these they agree when it is over, see L8."""
        gang, judged = self.stage.gang.owners, to_be_equal(self.stage)
        if not gang:
            return judged
        return {
            index: {one: claim for one, claim in known.items() if claim.owner not in gang}
            for index, known in judged.items()
        }

    def _unopened(self) -> str:
        """An era that people opened, and nobody's registry knows of."""
        stage = self.stage
        known = stage.inside.knowledge(stage.core[0].node)
        for person in stage.model.people:
            if known is not None and not stage.places[person.index].gone and _is_to_open(known.registry, person):
                return f"no registry says that the owner of m{person.index} opened era {person.era}"
        return ""

    def _unheard(self) -> str:
        """What people were told, and nobody's registry says, though there is room for it."""
        stage = self.stage
        known = stage.inside.knowledge(stage.core[0].node)
        for person in stage.model.people:
            if person.owner is None or known is None:
                continue
            if person.revoked and not known.registry.is_revoked(person.owner):
                return f"no registry says that the owner of m{person.index} is revoked"
            if stage.places[person.index].gone:
                continue
            for wanted, names in (
                (Kind.LIVE, person.held),
                (Kind.TOMBSTONE, person.given_up),
                (Kind.TRANSFER, person.handed_over),
            ):
                for name in names:
                    if _said_otherwise(known.registry, person, name, wanted):
                        continue
                    entry = known.registry.entry(Name(name), person.owner)
                    if entry is None and pushed_out((name, person.owner), known.registry, stage.work.level):
                        continue  # L7 asks for it
                    since = stage.model.lineage.handed_in.get((name, person.owner), 0) if wanted is Kind.TRANSFER else 0
                    if not _says(known.registry, Name(name), person, wanted, since=since):
                        return f"no registry says that {name} is {wanted.name.lower()} as m{person.index} was told"
        return ""

    def _check_bytes(self) -> None:
        stage = self.stage
        judged = self._judged()
        whole = canonical(reference(judged[stage.core[0].index].values(), stage.work.level))
        for place in stage.core:
            known = stage.inside.knowledge(place.node)
            if known is not None:
                all_of_it = len(judged[place.index]) == len(known.registry)
                bytes_there = known.registry.canonical() if all_of_it else canonical(judged[place.index])
                self.expect(bytes_there == whole, f"the registry of {place.name} has other bytes")
