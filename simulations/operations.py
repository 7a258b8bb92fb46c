"""What people do in a run: each operation is a value with a time, and knows how it is done on the stage.

Invariant: what an operation was told is what the model learns, no more: done, refused for a reason, or unsure, when the
answer was lost. An operation on a machine that is down is not done at all, and counted so.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

import attrs
import trio

from beam_actors.errors import (
    BeamError,
    InvalidName,
    NameContested,
    NameNotFound,
    NameTaken,
    NotAllowed,
    QuotaExceeded,
    ResourceExhausted,
)
from beam_actors.tunnels import TunnelSpec
from beam_actors.values import EVERYONE, Access, Name, PeerId
from simulations import ranges
from simulations.faults.base import Moot
from simulations.wishes import Call

if TYPE_CHECKING:
    from simulations.place import Place
    from simulations.stage import Stage

_DOWN = 1.0
"""Seconds that a machine is down which ended upon an answer."""
_REFUSALS = (NameTaken, QuotaExceeded, InvalidName, NotAllowed)
"""What says for certain that nothing was changed."""


@attrs.frozen(slots=True, kw_only=True)
class Operation:
    """Something that somebody does on one machine."""

    stops: ClassVar[bool] = False
    """Whether the daemon is stopped for it, and started again."""
    at: float
    """Seconds since the beginning of the safety phase."""
    machine: int
    then: Literal["", "crash", "kill"] = ""
    """What happens to the machine at the very moment in which it is told that this is done."""

    def machines(self) -> tuple[int, ...]:
        """Whom it is about."""
        return (self.machine,)

    async def run(self, stage: "Stage", place: "Place") -> str:
        """Do it where a daemon runs; a word for the report's counts. A `BeamError` is counted by its code."""
        raise NotImplementedError


@attrs.frozen(slots=True, kw_only=True)
class Register(Operation):
    """Claim a name for the machine's owner."""

    name: str = attrs.field(validator=ranges.name)
    contest: bool = False

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        taken = not self.contest and stage.calm.everywhere and stage.model.is_taken(place.person, self.name)
        with stage.model.registering(place.person, self.name) as wish:
            try:
                done = await place.node.naming.register(self.name, contest=self.contest)
            except _REFUSALS:
                wish.refused()
                raise
            wish.done()
        stage.invariants.registered(place, self.name, done.owner)
        if taken:
            stage.invariants.took(place, self.name)
        return "done"


@attrs.frozen(slots=True, kw_only=True)
class Release(Operation):
    """Give a name up."""

    name: str = attrs.field(validator=ranges.name)

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        with stage.model.releasing(place.person, self.name) as wish:
            try:
                signed = await place.node.naming.release(self.name)
            except NameNotFound:
                wish.refused()
                stage.invariants.not_held(place, self.name)
                raise
            except NotAllowed:
                wish.refused()
                raise
            wish.done()
        # Else the owner is revoked, or another machine may have claimed it later.
        if signed and not place.person.shares(self.name):
            stage.invariants.released(place, self.name)
        return "done"


@attrs.frozen(slots=True, kw_only=True)
class Resolve(Operation):
    """Ask where a name leads."""

    name: str = attrs.field(validator=ranges.any_form)

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        found = await place.node.naming.resolve(self.name)
        stage.invariants.resolved(place, self.name, found)
        return found.source


@attrs.frozen(slots=True, kw_only=True)
class Pin(Operation):
    """Bind a name to whom it leads to now."""

    name: str = attrs.field(validator=ranges.name)

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        pin = await place.node.naming.pin(self.name)
        stage.model.pinned(place.person, self.name, pin.owner)
        return "done"


@attrs.frozen(slots=True, kw_only=True)
class Petname(Operation):
    """Let a word stand for a name of whoever holds it now, on this machine alone."""

    petname: str = attrs.field(validator=ranges.name)
    name: str = attrs.field(validator=ranges.any_form)

    async def run(self, stage: "Stage", place: "Place") -> str:  # noqa: ARG002 (as `Operation` has it)
        """See `Operation`."""
        call = Call(place.person.petnames, self.petname)
        try:
            meant = await place.node.naming.petname(self.petname, self.name)
        except (*_REFUSALS, NameNotFound, NameContested, ResourceExhausted):
            call.refused()
            raise
        if meant.owner is not None:
            call.done(meant.name.label, meant.owner)
        return "done"


@attrs.frozen(slots=True, kw_only=True)
class Expose(Operation):
    """Offer the machine's program as a tunnel, under a name or, without one, by the peer id alone."""

    port: int = attrs.field(validator=ranges.PORT)
    name: str | None = attrs.field(default=None, validator=attrs.validators.optional(ranges.name))
    allow: tuple[int, ...] | None = None
    """The machines that may come in; None for everybody."""

    def machines(self) -> tuple[int, ...]:
        """See `Operation`."""
        return self.machine, *(self.allow or ())

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        access = EVERYONE
        if self.allow is not None:
            access = Access(frozenset(PeerId.parse(stage.places[index].peer_text) for index in self.allow))
        name = None if self.name is None else Name(self.name)
        spec = TunnelSpec(target=place.app, name=name, port=self.port, access=access)
        with stage.model.exposing(place.person, self.name, self.port, spec.key, self.allow) as wish:
            await place.node.tunnels.expose(spec)
            wish.done()
        return "done"


@attrs.frozen(slots=True, kw_only=True)
class Unexpose(Operation):
    """Offer it no longer."""

    port: int = attrs.field(validator=ranges.PORT)
    name: str | None = attrs.field(default=None, validator=attrs.validators.optional(ranges.name))

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        key = f"{self.name or '_'}.{self.port}"
        with stage.model.withdrawing(place.person, self.name, self.port, key) as wish:
            await place.node.tunnels.unexpose(key)
            wish.done()
        return "done"


@attrs.frozen(slots=True, kw_only=True)
class Fetch(Operation):
    """Send bytes through a tunnel and get others back, from a program on this machine, by a forward of its daemon."""

    of: int
    """The machine that offers it."""
    port: int = attrs.field(validator=ranges.PORT)
    name: str | None = attrs.field(default=None, validator=attrs.validators.optional(ranges.any_form))
    """The name it is reached by; None: by the other machine's peer id."""
    up: int = attrs.field(default=1000, validator=ranges.SIZE)
    """Bytes to the service."""
    down: int = attrs.field(default=1000, validator=ranges.SIZE)
    """Bytes from the service."""
    duplex: bool = False
    """Whether the service answers while it still reads; else it waits for the end of what it is sent."""
    pace: float = attrs.field(default=0.0, validator=ranges.SECONDS)
    """Seconds that both programs pause between two pieces, so that the connection lives through what happens."""
    read_pace: float = attrs.field(default=0.0, validator=ranges.SECONDS)
    """Seconds that both pause after each piece that they read, so that what is sent to them piles up on the way."""

    def machines(self) -> tuple[int, ...]:
        """See `Operation`."""
        return self.machine, self.of

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        return await stage.traffic.fetch(place, stage.places[self.of], self)


@attrs.frozen(slots=True, kw_only=True)
class Follow(Operation):
    """Visit a machine's tunnel again and again until somebody is there: how long it takes after the machine moved."""

    of: int
    """The machine that offers it, and moved at this moment."""
    port: int = attrs.field(validator=ranges.PORT)
    name: str | None = attrs.field(default=None, validator=attrs.validators.optional(ranges.any_form))
    within: float = attrs.field(default=30.0, validator=ranges.SECONDS)
    """Seconds after which it must be reached."""

    def machines(self) -> tuple[int, ...]:
        """See `Operation`."""
        return self.machine, self.of

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        wish = Fetch(at=self.at, machine=self.machine, of=self.of, port=self.port, name=self.name)
        start = trio.current_time()
        outcome = ""
        with trio.move_on_after(2 * self.within):
            while outcome != "done":
                try:
                    outcome = await stage.traffic.fetch(place, stage.places[self.of], wish)
                except BeamError as error:
                    outcome = error.code
                if outcome != "done":
                    await trio.sleep(0.25)
        stage.invariants.followed(place, stage.places[self.of], trio.current_time() - start, self.within)
        return outcome or "timed out"


async def perform(operation: Operation, stage: "Stage") -> None:
    """Wait for its time, do it, and count how it went."""
    await trio.sleep_until(stage.begin + operation.at)
    place = stage.places[operation.machine]
    kind = type(operation).__name__.lower()
    if place.machine.node is None:
        stage.count("operations", f"{kind}: machine down")
        return
    outcome = "machine went down"
    start = trio.current_time()
    try:
        if operation.stops:
            outcome = await _stopped(operation, stage)
        else:
            with place.while_up():
                outcome = await operation.run(stage, place)
    except (BeamError, NameContested, ResourceExhausted) as error:
        outcome = error.code
    stage.count("operations", f"{kind}: {outcome}")
    stage.world.trace.add(place.name, kind, outcome)
    if outcome == "timed-out":
        stage.invariants.unanswered(place, kind, start)
    if operation.then and outcome == "done" and place.up and not place.lock.locked():
        place.lock.acquire_nowait()
        try:
            if operation.then == "crash":
                place.crash(torn=False)
            else:
                await place.kill()
            await stage.hold(_DOWN)
            await place.boot()
        finally:
            place.lock.release()


async def _stopped(operation: Operation, stage: "Stage") -> str:
    """Do it while the daemon is stopped; whoever else takes the machine down waits until it runs again."""
    try:
        async with stage.taking_down(operation.machine) as place:
            await place.shutdown()
            try:
                return await operation.run(stage, place)
            finally:
                await place.boot()
    except Moot:
        return "machine down"


KINDS = (Register, Release, Resolve, Pin, Petname, Expose, Unexpose, Fetch, Follow)
