"""What an invariant is: when it is asked to look, how it speaks of what is wrong, and its verdict at the end.

Invariant of the invariants: none is silently green. One that had nothing to look at says so, and why; one that forgave
something counts it. The list is in docs/simulation.md: S holds always, L after a heal.
"""

import enum
from collections import Counter
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.naming import Claim, Resolution
from beam_actors.values import OwnerId

if TYPE_CHECKING:
    from beam_actors.errors import BeamError
    from beam_actors.ingress.answers import Located
    from beam_actors.naming.registry import Registry
    from simulations.browsing import Way
    from simulations.model import Offer
    from simulations.place import Place
    from simulations.stage import Stage


TURNS = 5
"""Looks of which a machine has a close one; after the heal each is."""


class Outcome(enum.Enum):
    """Of one invariant in one run."""

    HELD = "held"
    VIOLATED = "violated"
    NOT_EVALUATED = "not evaluated"


@attrs.frozen(slots=True)
class Violation:
    """Something that must never be."""

    invariant: str
    message: str
    at: float
    """Seconds since the beginning of the run."""

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at:.3f} s: {self.message}"


@attrs.frozen(slots=True, kw_only=True)
class Verdict:
    """What became of one invariant."""

    id: str
    title: str
    outcome: Outcome
    checks: int
    """How often something was compared that could have been wrong."""
    why: str = ""
    """Why it was not evaluated."""
    figures: dict[str, float] = attrs.field(factory=dict)


class Invariant:
    """One of them, for one run. Every hook may be left out; none may await but the last ones."""

    id = ""
    title = ""
    why = "nothing happened that it could judge"
    """Why it is not evaluated, when it made no check."""

    def __init__(self, stage: "Stage") -> None:
        self.stage = stage
        self.checks = 0
        self.failed = False
        self.forgiven: Counter[str] = Counter()
        """What looked wrong and was explained by a fault of the plan."""
        self.figures: dict[str, float] = {}
        self._turn = 0

    def __repr__(self) -> str:
        return f"<{self.id} {self.checks} checks>"

    def fail(self, message: str) -> None:
        """Something is wrong."""
        self.failed = True
        self.stage.invariants.violated(Violation(self.id, message, round(trio.current_time() - self.stage.started, 3)))

    def expect(self, condition: object, message: str) -> bool:
        """Count a check, and say what is wrong if `condition` does not hold; whether it does."""
        self.checks += 1
        if not condition:
            self.fail(message)
        return bool(condition)

    def is_close(self, place: "Place") -> bool:
        """Whether this look at a machine may take long: machines have their turns, and after the heal all of them."""
        self._turn += 1
        return not (self._turn + place.index) % TURNS or self.stage.healed.is_set()

    def verdict(self) -> Verdict:
        """How it stands."""
        outcome = Outcome.VIOLATED if self.failed else Outcome.HELD if self.checks else Outcome.NOT_EVALUATED
        figures = {**self.figures, **{f"forgiven: {why}": float(count) for why, count in self.forgiven.items()}}
        return Verdict(
            id=self.id,
            title=self.title,
            outcome=outcome,
            checks=self.checks,
            why=self.why if outcome is Outcome.NOT_EVALUATED else "",
            figures=figures,
        )

    # --- while the run goes on ---

    def look(self, place: "Place") -> None:
        """Once a virtual second, at each machine whose daemon runs (in turns, when there are many)."""

    def claims_changed(self, place: "Place", registry: "Registry", new: list[Claim], gone: list[Claim]) -> None:
        """A second later at most: a node's registry holds other claims than at the last look."""

    def booted(self, place: "Place") -> None:
        """A daemon has started."""

    def goes_down(self, place: "Place", how: str) -> None:
        """It is about to end: `crash`, `kill`, `shutdown`, or `gave up`."""

    def lost_memory(self, place: "Place") -> None:
        """The machine's disk was wiped, or restored from a backup."""

    def ended_by_itself(self, place: "Place") -> None:
        """Nobody took the daemon down."""

    def opened_wrongly(self, place: "Place") -> None:
        """It started with keys that are not those of its database."""

    def does_not_start(self, place: "Place", error: "BeamError") -> None:
        """It did not start, with a disk that works."""

    def stopped(self, place: "Place", seconds: float) -> None:
        """It ended in order, in this time."""

    def registered(self, place: "Place", name: str, owner: OwnerId) -> None:
        """Somebody was told that the name is theirs."""

    def took(self, place: "Place", name: str) -> None:
        """Somebody was given a name that another one is known everywhere to hold, without having contested it."""

    def unanswered(self, place: "Place", kind: str, start: float) -> None:
        """An operation that began then ended because nobody answered."""

    def released(self, place: "Place", name: str) -> None:
        """Somebody was told that the name is theirs no longer."""

    def not_held(self, place: "Place", name: str) -> None:
        """Somebody was told that the name is not theirs to give up."""

    def resolved(self, place: "Place", name: str, found: Resolution) -> None:
        """Somebody was told where a name leads."""

    def served(self, visitor: "Place", name: str | None, by: "Place", wanted: "Place") -> None:
        """A visitor reached a service: by a name, or (None) by the peer id of `wanted`."""

    def let_in(self, visitor: "Place", by: "Place", name: str | None, port: int, began: float) -> None:
        """The same, with the port; the connection began at that time."""

    def went_on(self, visitor: "Place", owner: "Place", seconds: float) -> None:
        """A connection came to its end so long after its tunnel was withdrawn."""

    def entered(self, place: "Place", name: str | None, port: int) -> None:
        """A stranger was let into a tunnel of this machine, having asked for this name and port."""

    def visited(self, place: "Place", name: str, way: "Way", by: "Place | None", before: OwnerId | None) -> None:
        """A browser asked for a page, which a machine served or (None) nobody's did; `before`: who was pinned then."""

    def located(self, place: "Place", name: str, found: "Located", *, decided: bool, began: float) -> None:
        """A program asked for a name's address; `decided`: a person there owned or bound the name when it asked."""

    def followed(self, visitor: "Place", owner: "Place", seconds: float, within: float) -> None:
        """A visitor was at the tunnel of a machine that had moved, so many seconds after it tried first."""

    def bytes_whole(self, size: int) -> None:
        """An exchange came to its end with every byte in its place."""

    def bytes_wrong(self, message: str) -> None:
        """One did not, and no fault excuses it."""

    # --- after the heal, in this order of invariants ---

    async def after_heal(self) -> None:
        """Wait for what must come true, within its bound, and check it."""

    async def after_stop(self) -> None:
        """Every daemon was stopped."""


def offer_text(place: "Place", offer: "Offer") -> str:
    """For messages."""
    return f"{offer.name or place.name}:{offer.port}"
