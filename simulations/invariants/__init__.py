"""The invariants of a run: all of them, told of everything that happens, with one list of violations.

The first violation ends the run: what follows it would be its consequence. Which invariants there are, and what each
sees, stands in their modules; a new one is a class there and a row in `ALL`.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import trio

from beam_actors.naming import Claim
from simulations import inside
from simulations.invariants.answers import AcknowledgedStays, NamesResolve, NobodyElsesKey
from simulations.invariants.base import Invariant, Outcome, Verdict, Violation
from simulations.invariants.bindings import BoundByPeople
from simulations.invariants.bounds import MemoryIsBounded, QueuesDrain
from simulations.invariants.claims import GenuineClaims, MergeIsJoin, NothingComesBack, NumbersOnlyGrow
from simulations.invariants.control import StrangersHearNothing
from simulations.invariants.convergence import RegistriesAgree
from simulations.invariants.crashes import CrashesArePlanned, CrashesStay
from simulations.invariants.daemons import DaemonsStop, NoTaskIsLeft
from simulations.invariants.devices import DevicesGoFirst
from simulations.invariants.dht import DHT
from simulations.invariants.entrance import NobodyElseIsLetIn
from simulations.invariants.hostile import AttackersLeave, FullFormLeads, RoomIsBounded
from simulations.invariants.keys import NoncesAreUsedOnce, NothingIsPlain
from simulations.invariants.owners import BindingsFollowOwners, ErasStand
from simulations.invariants.seats import SeatsServe
from simulations.invariants.sessions import SessionsAreSettled
from simulations.invariants.settled import SettledWasAlone
from simulations.invariants.supervision import ChildrenAreKept
from simulations.invariants.transfer import BytesAreConserved, OwnersAreFollowed, TunnelsWork
from simulations.invariants.unbuilt import UNBUILT

if TYPE_CHECKING:
    from simulations.place import Place
    from simulations.stage import Stage

ALL: tuple[type[Invariant], ...] = (
    GenuineClaims,
    MergeIsJoin,
    NobodyElsesKey,
    SettledWasAlone,
    BoundByPeople,
    DevicesGoFirst,
    NothingComesBack,
    NumbersOnlyGrow,
    NothingIsPlain,
    NoncesAreUsedOnce,
    BytesAreConserved,
    MemoryIsBounded,
    ChildrenAreKept,
    NoTaskIsLeft,
    CrashesStay,
    CrashesArePlanned,
    AcknowledgedStays,
    NobodyElseIsLetIn,
    RegistriesAgree,
    RoomIsBounded,
    SeatsServe,
    NamesResolve,
    FullFormLeads,
    BindingsFollowOwners,
    ErasStand,
    TunnelsWork,
    OwnersAreFollowed,
    AttackersLeave,
    StrangersHearNothing,
    *DHT,
    SessionsAreSettled,
    QueuesDrain,
    DaemonsStop,
    *UNBUILT,
)
"""In the order in which they wait after the heal: what a later one needs, an earlier one has waited for."""


def check_ids(kinds: Iterable[type[Invariant]]) -> None:
    """Refuse an id that is no S or L and a number, or that another one has: reports are sorted and read by them."""
    known: dict[str, type[Invariant]] = {}
    for kind in kinds:
        if not re.fullmatch(r"[SL][1-9][0-9]*", kind.id, re.ASCII):
            raise ValueError(f"{kind.__name__}.id is {kind.id!r}; it must be S or L and a number, such as S22.")
        other = known.setdefault(kind.id, kind)
        if other is not kind:
            raise ValueError(f"{kind.__name__}.id is {kind.id}, as is that of {other.__name__}.")


check_ids(ALL)

_TAIL = 60


class Invariants:
    """Those of one run."""

    def __init__(self, stage: "Stage") -> None:
        self.violations: list[Violation] = []
        self.tail: list[str] = []
        """The last lines of the trace before the first violation."""
        self.broken = trio.Event()
        """Set with the first violation."""
        self.samples = 0
        self._stage = stage
        self._all = [kind(stage) for kind in ALL]
        self._known: dict[int, tuple[Any, dict[bytes, Claim]]] = {}

    def __repr__(self) -> str:
        return f"<Invariants: {len(self._all)}, {len(self.violations)} violations>"

    def __getattr__(self, name: str) -> Callable[..., None]:
        """A hook of `Invariant`: tell all of them."""
        if name.startswith("_") or not hasattr(Invariant, name):
            raise AttributeError(name)

        def tell(*args: Any, **named: Any) -> None:
            for one in self._all:
                getattr(one, name)(*args, **named)

        return tell

    def violated(self, violation: Violation) -> None:
        """Something is wrong."""
        if not self.violations:
            self.tail = self._stage.world.trace.lines[-_TAIL:]
        self.violations.append(violation)
        self._stage.world.trace.add("violation", violation.invariant, violation.message)
        self.broken.set()

    def look(self, places: "list[Place]") -> None:
        """Look at these machines now."""
        for place in places:
            if place.up:
                self.samples += 1
                self.look_at_claims(place)
                for one in self._all:
                    one.look(place)

    def look_at_claims(self, place: "Place") -> None:
        """Tell what changed in a node's registry since the last look."""
        known = inside.knowledge(place.node)
        if known is None:
            return
        registry = known.registry
        mark = registry, known.admitted, len(registry), registry.floor
        before = self._known.get(place.index)
        if before is not None and before[0][0] is registry and before[0][1:] == mark[1:]:
            return
        old = before[1] if before is not None else {}
        now = inside.claims(registry)
        new = [claim for claim_id, claim in now.items() if claim_id not in old]
        gone = [claim for claim_id, claim in old.items() if claim_id not in now]
        self._known[place.index] = mark, now
        if new or gone:
            for one in self._all:
                one.claims_changed(place, registry, new, gone)

    def known_claims(self, place: "Place") -> dict[bytes, Claim]:
        """What the node's registry held at the last look."""
        return self._known[place.index][1] if place.index in self._known else {}

    def forget_claims(self, place: "Place") -> None:
        """The machine lost its memory, as the plan says: nothing that it held before is held against it."""
        self._known.pop(place.index, None)

    async def after_heal(self) -> None:
        """Wait for all, one after the other."""
        for one in self._all:
            await one.after_heal()

    async def after_stop(self) -> None:
        """The same when every daemon was stopped."""
        for one in self._all:
            await one.after_stop()

    @property
    def convergence(self) -> list[float]:
        """L1's seconds for each machine."""
        return next(one.seconds for one in self._all if isinstance(one, RegistriesAgree))

    def verdicts(self) -> list[Verdict]:
        """All of them, by id."""
        return sorted(
            (one.verdict() for one in self._all), key=lambda verdict: (verdict.id[0] != "S", int(verdict.id[1:]))
        )


__all__ = ["ALL", "Invariant", "Invariants", "Outcome", "Verdict", "Violation"]
