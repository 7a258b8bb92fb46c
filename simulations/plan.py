"""A plan: everything that will happen in one simulated run, as a value.

The machines and how they begin, what people do (`operations`), what goes wrong (`faults`), how long the phases last,
and within which bounds everything must be well again. Invariant: a plan that exists can be run; the same plan gives the
same run in any process. In a file it is JSON with one line for each machine, operation and fault, so that two plans can
be compared line by line. It knows no world and no node.

    0 ........ settle ............. settle + safety ............... at most + the bounds
    machines boot    operations, faults            heal: every machine is up again, then all must agree
"""

import functools
import json
from pathlib import Path
from typing import Any, TypeVar, Union, cast

import attrs
import cattrs
from cattrs.strategies import configure_tagged_union

from beam_actors.testing.network import REGIONS, Filtering, Mapping
from beam_actors.testing.security import Profile
from simulations import faults, operations
from simulations.faults import Fault
from simulations.operations import Operation

FORMAT = 1
T = TypeVar("T")


class BadPlan(ValueError):
    """The plan contradicts itself, or the file holds no plan of this format."""


@attrs.frozen(slots=True, kw_only=True)
class NatPlan:
    """A router that translates addresses; words as in RFC 4787."""

    mapping: Mapping = Mapping.ENDPOINT_INDEPENDENT
    filtering: Filtering = Filtering.ADDRESS_AND_PORT_DEPENDENT
    expiry: float = 30.0
    """Seconds after which an unused mapping for datagrams is forgotten."""
    hairpin: bool = False
    region: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class MachinePlan:
    """One machine as it begins. Its index in the plan is its name everywhere: machine 3 is `m3`."""

    bootstrap: tuple[int, ...] = ()
    """Machines before it in the plan, whose addresses it is given."""
    boot: float = 0.0
    """Seconds since the beginning of the run at which its daemon is started for the first time."""
    region: str | None = None
    nat: int | None = None
    """Index of the router that it is behind."""
    offset: float = 0.0
    """Seconds by which its wall clock is ahead until the heal."""
    drift: float = 0.0
    """Seconds that its wall clock gains in a second until the heal."""


@attrs.frozen(slots=True, kw_only=True)
class Bounds:
    """Within how many virtual seconds after the heal what must be well again. What takes longer is a violation."""

    converge: float = 90.0
    """L1, L2: all registries are equal, and every name of a living owner resolves at every machine."""
    tunnels: float = 30.0
    """L3: after that, each tunnel can be used."""
    drain: float = 90.0
    """L5: after that, nothing is left in any queue and no socket without a session."""
    stop: float = 10.0
    """L6: from asking a daemon to stop until it has ended."""


@attrs.frozen(slots=True, kw_only=True)
class Plan:
    """One run."""

    scenario: str
    """Which scenario made it: its figures go into the report. A plan that was drawn freely says `drawn`."""
    seed: int
    profile: Profile = Profile.FULL
    machines: tuple[MachinePlan, ...]
    nats: tuple[NatPlan, ...] = ()
    settle: float = 10.0
    """Seconds before the first operation."""
    safety: float = 60.0
    """Seconds of operations and faults, whose times count from its beginning."""
    bounds: Bounds = Bounds()
    operations: tuple[Operation, ...] = ()
    faults: tuple[Fault, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Refuse what can't be run."""
        if not self.machines:
            raise BadPlan("A plan needs a machine.")
        self._check_machines()
        self._check_events()

    def _check_machines(self) -> None:
        for index, machine in enumerate(self.machines):
            if any(not 0 <= other < index for other in machine.bootstrap):
                raise BadPlan(f"m{index} can be given the addresses of machines before it only.")
            if machine.nat is not None and not 0 <= machine.nat < len(self.nats):
                raise BadPlan(f"m{index} is behind router {machine.nat}, which the plan does not have.")
            if not 0 <= machine.boot <= self.settle + self.safety:
                raise BadPlan(f"m{index} boots after the heal.")
            # Addresses are given at the first boot: of a machine that never ran there is none, and nobody would call.
            if machine.bootstrap and all(self.machines[other].boot > machine.boot for other in machine.bootstrap):
                raise BadPlan(f"m{index} boots before everybody that it is given.")
        regions = ({machine.region for machine in self.machines} | {nat.region for nat in self.nats}) - {None}
        if not regions <= set(REGIONS):
            raise BadPlan(f"There are no regions {', '.join(sorted(map(str, regions - set(REGIONS))))}.")

    def _check_events(self) -> None:
        for event in self.happenings:
            if not 0 <= (getattr(event, "nat", None) or 0) < max(1, len(self.nats)):
                raise BadPlan(f"{event} is about a router that the plan does not have.")
            if not 0 <= event.at <= self.safety:
                raise BadPlan(f"{event} is not within the safety phase.")
            if any(not 0 <= index < len(self.machines) for index in event.machines()):
                raise BadPlan(f"{event} is about a machine that the plan does not have.")

    @property
    def size(self) -> int:
        """How many machines."""
        return len(self.machines)

    @property
    def happenings(self) -> tuple[Operation | Fault, ...]:
        """All operations, and then all faults."""
        return self.operations + self.faults

    @property
    def events(self) -> int:
        """How many operations and faults: what shrinking makes fewer."""
        return len(self.operations) + len(self.faults)

    def dumps(self) -> str:
        """As JSON, one line for each machine, operation and fault."""
        return "{\n" + ",\n".join(_field(name, value) for name, value in as_json(self).items()) + "\n}\n"

    def save(self, path: Path) -> None:
        """Write it, with the folder if there is none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.dumps(), encoding="utf-8")

    @classmethod
    def loads(cls, text: str) -> "Plan":
        """Read what `dumps` wrote; raise `BadPlan` with every fault of the text that can be named."""
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise BadPlan(f"This is no JSON: {error}.") from None
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise BadPlan(f"This is no plan of format {FORMAT}.")
        try:
            return _converter().structure(data, cls)
        except (cattrs.BaseValidationError, BadPlan) as error:
            raise BadPlan("; ".join(cattrs.transform_error(error))) from None

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """Read a file; raise `BadPlan` or `OSError`."""
        return cls.loads(path.read_text(encoding="utf-8"))


def as_json(plan: Plan) -> dict[str, Any]:
    """What the file holds, as JSON values; what has its default is not said."""
    return {"format": FORMAT, **_converter().unstructure(plan, unstructure_as=Plan)}


def _field(name: str, value: Any) -> str:
    if isinstance(value, list) and value:
        rows = ",\n".join(f"  {json.dumps(row)}" for row in value)
        return f" {json.dumps(name)}: [\n{rows}\n ]"
    return f" {json.dumps(name)}: {json.dumps(value)}"


@functools.cache
def _converter() -> cattrs.Converter:
    """Strict both ways: no unknown field, no number for a word, no word for a number."""
    converter = cattrs.Converter(forbid_extra_keys=True, omit_if_default=True)
    for kind in (int, float, str, bool):
        converter.register_structure_hook(kind, _exactly)
    for choice in (Profile, Mapping, Filtering):
        converter.register_structure_hook(choice, lambda word, kind: kind(word))
    configure_tagged_union(Union[operations.KINDS], converter, tag_generator=_tag, tag_name="do")  # noqa: UP007 (made of a tuple)
    configure_tagged_union(Union[faults.KINDS], converter, tag_generator=_tag, tag_name="fault")  # noqa: UP007 (as above)
    for base, kinds in ((Operation, operations.KINDS), (Fault, faults.KINDS)):
        union = Union[kinds]  # type: ignore[valid-type]  # noqa: UP007 (as above)
        converter.register_structure_hook(base, lambda data, _kind, union=union: converter.structure(data, union))
        converter.register_unstructure_hook(
            base, lambda event, union=union: converter.unstructure(event, unstructure_as=union)
        )
    return converter


def _tag(kind: type) -> str:
    return kind.__name__.lower()


def _exactly(value: Any, kind: type[T]) -> T:
    if kind is float and type(value) is int:
        return cast("T", float(value))
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value
