"""A plan: everything that will happen in one simulated run, as a value.

The machines and how they begin, what people do (`operations`, `owner_operations`), what goes wrong (`faults`), how long
the phases last, and within which bounds everything must be well again. Invariant: a plan that exists can be run; the
same plan gives the same run in any process. In a file it is JSON with one line for each machine, operation and fault,
so that two plans can be compared line by line. It knows no world and no node.

    0 ........ settle ............. settle + safety ............... at most + the bounds
    machines boot    operations, faults            heal: every machine is up again, then all must agree
"""

import enum
import json
import math
import reprlib
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast, get_args, get_origin

import attrs
import cattrs

from beam_actors.testing.network import REGIONS, Filtering, Mapping
from beam_actors.testing.security import Profile
from simulations import faults, operations, owner_operations, ranges, web_operations
from simulations.browsing import Way
from simulations.faults import Fault
from simulations.operations import Operation
from simulations.ranges import BadPlan

FORMAT = 1
OPERATIONS = (*operations.KINDS, *owner_operations.KINDS, *web_operations.KINDS)
T = TypeVar("T")
Happening = TypeVar("Happening", Operation, Fault)
_MOST_FAULTS = 10
"""Faults of a file that are named; who has more of them mends these first."""


@attrs.frozen(slots=True, kw_only=True)
class NatPlan:
    """A router that translates addresses; words as in RFC 4787."""

    mapping: Mapping = Mapping.ENDPOINT_INDEPENDENT
    filtering: Filtering = Filtering.ADDRESS_AND_PORT_DEPENDENT
    expiry: float = attrs.field(default=30.0, validator=ranges.SECONDS)
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
    offset: float = attrs.field(default=0.0, validator=ranges.STEP)
    """Seconds by which its wall clock is ahead until the heal."""
    drift: float = attrs.field(default=0.0, validator=ranges.DRIFT)
    """Seconds that its wall clock gains in a second until the heal."""


def alike(size: int, known: Callable[[int], tuple[int, ...]]) -> tuple[MachinePlan, ...]:
    """So many machines that all start at the beginning; of each, `known` says whose addresses it is given."""
    return tuple(MachinePlan(bootstrap=known(index)) for index in range(size))


def in_order(happens: Iterable[Happening]) -> tuple[Happening, ...]:
    """By time, and what is of one time as it was given."""
    return tuple(sorted(happens, key=lambda one: one.at))


@attrs.frozen(slots=True, kw_only=True)
class DevicePlan:
    """A device of a LAN, such as a printer, that knows nothing of Beam and has its name by multicast DNS."""

    name: str = attrs.field(validator=ranges.name)
    nat: int
    """Index of the router behind which it stands; the machines there ask for devices."""


@attrs.frozen(slots=True, kw_only=True)
class Bounds:
    """Within how many virtual seconds after the heal what must be well again. What takes longer is a violation."""

    converge: float = attrs.field(default=90.0, validator=ranges.SECONDS)
    """L1, L2: all registries are equal, and every name of a living owner resolves at every machine."""
    tunnels: float = attrs.field(default=30.0, validator=ranges.SECONDS)
    """L3: after that, each tunnel can be used."""
    drain: float = attrs.field(default=90.0, validator=ranges.SECONDS)
    """L5: after that, nothing is left in any queue and no socket without a session."""
    stop: float = attrs.field(default=10.0, validator=ranges.SECONDS)
    """L6: from asking a daemon to stop until it has ended."""


@attrs.frozen(slots=True, kw_only=True)
class Plan:
    """One run."""

    scenario: str
    """Which scenario made it: its figures go into the report. A plan that was drawn freely says `drawn`."""
    seed: int = attrs.field(validator=ranges.SEED)
    profile: Profile = Profile.FULL
    machines: tuple[MachinePlan, ...]
    nats: tuple[NatPlan, ...] = ()
    devices: tuple[DevicePlan, ...] = ()
    settle: float = attrs.field(default=10.0, validator=ranges.SECONDS)
    """Seconds before the first operation."""
    safety: float = attrs.field(default=60.0, validator=ranges.SECONDS)
    """Seconds of operations and faults, whose times count from its beginning."""
    bounds: Bounds = Bounds()
    settle_after: float = attrs.field(default=72 * 3600.0, validator=ranges.SECONDS)
    """Seconds for which an owner must hold a name alone for a rival to change nothing: days, or a part of the run."""
    work: int = attrs.field(default=0, validator=ranges.WORK)
    """Zero bits of the work that daemons ask of claims, with Argon2id's least memory; 0 asks for none."""
    operations: tuple[Operation, ...] = ()
    faults: tuple[Fault, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Refuse what can't be run."""
        if not self.machines:
            raise BadPlan("A plan needs a machine.")
        self._check_machines()
        self._check_events()

    @property
    def undisturbed(self) -> bool:
        """Whether nothing goes wrong, and all wall clocks agree."""
        return not self.faults and not any(machine.offset or machine.drift for machine in self.machines)

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
        if any(not 0 <= device.nat < len(self.nats) for device in self.devices):
            raise BadPlan("A device is behind a router that the plan does not have.")
        regions = ({machine.region for machine in self.machines} | {nat.region for nat in self.nats}) - {None}
        if not regions <= set(REGIONS):
            raise BadPlan(f"There are no regions {', '.join(sorted(map(str, regions - set(REGIONS))))}.")

    def _check_events(self) -> None:
        places = [f"operations[{index}]" for index in range(len(self.operations))]
        places += [f"faults[{index}]" for index in range(len(self.faults))]
        for place, event in zip(places, self.happenings, strict=True):
            nat = getattr(event, "nat", None)
            if nat is not None and not 0 <= nat < len(self.nats):
                raise BadPlan(f"{place}: there is no router {nat}; the plan has {len(self.nats)}.")
            if not 0 <= event.at <= self.safety:
                raise BadPlan(f"{place}: at must be within the safety phase, from 0 to {self.safety:g}.")
            if unknown := [other for other in event.machines() if not 0 <= other < self.size]:
                raise BadPlan(f"{place}: there is no machine {unknown[0]}; they are 0 to {self.size - 1}.")

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
            data = json.loads(text, parse_constant=_no_number)
        except RecursionError:
            raise BadPlan("This is no plan: it is nested too deep.") from None
        except BadPlan:
            raise
        except ValueError as error:
            raise BadPlan(f"This is no JSON: {error}.") from None
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise BadPlan(f'This is no plan of format {FORMAT}: an object with "format": {FORMAT}.')
        try:
            return _converter().structure(data, cls)
        except cattrs.BaseValidationError as error:
            raise BadPlan(_all_faults(error)) from None

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """Read a file; raise `BadPlan` or `OSError`."""
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise BadPlan(f"This is no text in UTF-8: {error.reason} at byte {error.start}.") from None
        return cls.loads(text)


def as_json(plan: Plan) -> dict[str, Any]:
    """What the file holds, as JSON values; what has its default is not said."""
    return {"format": FORMAT, **_converter().unstructure(plan, unstructure_as=Plan)}


def _field(name: str, value: Any) -> str:
    if isinstance(value, list) and value:
        rows = ",\n".join(f"  {json.dumps(row)}" for row in value)
        return f" {json.dumps(name)}: [\n{rows}\n ]"
    return f" {json.dumps(name)}: {json.dumps(value)}"


@cache
def _converter() -> cattrs.Converter:
    """Strict both ways: no unknown field, no number for a word, no word for a number, no list for an object."""
    converter = cattrs.Converter(forbid_extra_keys=True, omit_if_default=True)
    for kind in (int, float, str, bool):
        converter.register_structure_hook(kind, _exactly)
    for choice in (Profile, Mapping, Filtering, Way):
        converter.register_structure_hook(choice, _choice)
    converter.register_structure_hook_func(_is_many, partial(_many, converter))
    for part in (MachinePlan, NatPlan, DevicePlan, Bounds):
        converter.register_structure_hook(part, partial(_part, converter.get_structure_hook(part)))
    _register(converter, Operation, {word(kind): kind for kind in OPERATIONS}, "do")
    _register(converter, Fault, {word(kind): kind for kind in faults.KINDS}, "fault")
    return converter


def _register(converter: cattrs.Converter, base: type, words: dict[str, type], tag: str) -> None:
    """Tell kinds of events by a word; by a predicate, since a hook for a class is one for its subclasses as well."""

    def is_base(kind: object) -> bool:
        return kind is base

    def structure(data: Any, _kind: object) -> Any:
        fields = dict(_object(data))
        said = fields.pop(tag, None)
        if not isinstance(said, str) or said not in words:
            found = f'"{tag}" is missing' if said is None else f"there is no {tag} {reprlib.repr(said)}"
            raise BadPlan(f"{found}; there are {', '.join(sorted(words))}")
        return converter.structure(fields, words[said])

    def unstructure(event: object) -> dict[str, Any]:
        return {**converter.unstructure(event), tag: word(type(event))}

    converter.register_structure_hook_func(is_base, structure)
    converter.register_unstructure_hook_func(is_base, unstructure)


def word(kind: type) -> str:
    """What a kind of operation or fault is called in a file."""
    return kind.__name__.lower()


def _is_many(kind: object) -> bool:
    origin: object = get_origin(kind)
    return origin is tuple


def _many(converter: cattrs.Converter, data: Any, kind: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise BadPlan(f"must be a list, not {reprlib.repr(data)}")
    some: Any = list
    return tuple(converter.structure(data, some[get_args(kind)[0]]))


def _part(hook: Callable[[Any, Any], Any], data: Any, kind: Any) -> Any:
    return hook(_object(data), kind)


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BadPlan(f"must be an object, not {reprlib.repr(data)}")
    return data


def _choice(value: Any, kind: type[enum.StrEnum]) -> enum.StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise BadPlan(f"must be one of {', '.join(kind)}, not {reprlib.repr(value)}") from None


def _exactly(value: Any, kind: type[T]) -> T:
    if kind is float and type(value) is int and abs(value) < 1 << 53:
        return cast("T", float(value))
    if type(value) is not kind:
        raise BadPlan(f"must be {_WORDS[kind]}, not {reprlib.repr(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadPlan("is too large a number")
    return value


_WORDS: dict[type, str] = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def _no_number(said: str) -> NoReturn:
    raise BadPlan(f"{said} is no number that a plan may hold.")


def _all_faults(error: cattrs.BaseValidationError) -> str:
    """A sentence for each fault of a file, with its place: `operations[3].port: must be from 1 to 65535, not 0`."""
    found = []
    for fault in cattrs.transform_error(error, format_exception=_said):
        said, _, place = fault.rpartition(" @ $")
        found.append((f"{place.lstrip('.')}: {said}" if place else said).rstrip("."))
    more = len(found) - _MOST_FAULTS
    return "; ".join(found[:_MOST_FAULTS]) + (f"; and {more} more" if more > 0 else "") + "."


def _said(error: BaseException, _kind: object) -> str:
    if isinstance(error, KeyError):
        return "is missing"
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        return f"there is no field {', '.join(sorted(map(repr, error.extra_fields)))}"
    return str(error)


__all__ = ["FORMAT", "BadPlan", "Bounds", "DevicePlan", "MachinePlan", "NatPlan", "Plan", "as_json", "word"]
