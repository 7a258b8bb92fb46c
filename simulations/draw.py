"""Plans in which anything may happen: one generator, fed by a seed or by Hypothesis.

Swarm style (Groce et al., ISSTA 2012): each class of faults is off in half of the plans, so that none hides another.
Invariant: what is drawn is a plan (`Plan` refuses everything else), and smaller choices make simpler plans.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from beam_actors.testing.security import Profile
from simulations import faults
from simulations.browsing import HTTPS, Way
from simulations.choices import Choices
from simulations.faults import Fault
from simulations.operations import Expose, Fetch, Operation, Pin, Register, Release, Resolve, Unexpose
from simulations.owner_operations import Recover
from simulations.plan import Bounds, Plan, alike, in_order
from simulations.topology import tree
from simulations.web_operations import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

T = TypeVar("T")
PORT = 9000


def draw_plan(
    choices: Choices,
    *,
    scenario: str = "drawn",
    seed: int = 0,
    size: int = 4,
    safety: float = 60.0,
    profile: Profile = Profile.FULL,
) -> Plan:
    """A plan of up to `size` machines. Per machine there are about three operations and one fault."""
    machines = choices.integer(1, size)
    names = [f"{scenario}-{index}" for index in range(max(1, machines * 2 // 3))]
    makers = [make for make in MAKERS if choices.boolean()]
    operations = [
        operation for _ in choices.several(3 * machines) for operation in _operations(choices, machines, names, safety)
    ]
    struck: list[Fault] = []
    if makers:
        struck = [choices.choice(makers)(choices, machines, safety) for _ in choices.several(machines)]
    return Plan(
        scenario=scenario,
        seed=seed,
        profile=profile,
        machines=alike(machines, tree),
        settle=5.0,
        safety=safety,
        bounds=Bounds(converge=150.0, tunnels=60.0),
        operations=in_order(operations),
        faults=in_order(struck),
    )


def plans(*, size: int = 4, safety: float = 40.0, profile: Profile = Profile.FULL) -> "SearchStrategy[Plan]":
    """A strategy of Hypothesis for plans, which shrinks them."""
    from hypothesis import strategies as st  # noqa: PLC0415 (only tests have it)

    @st.composite
    def plan(draw: "DrawFn") -> Plan:
        seed = draw(st.integers(0, 2**16))
        return draw_plan(HypothesisChoices(draw), seed=seed, size=size, safety=safety, profile=profile)

    return plan()


class HypothesisChoices:
    """Choices that Hypothesis draws, and shrinks."""

    def __init__(self, draw: "DrawFn") -> None:
        from hypothesis import strategies as st  # noqa: PLC0415 (only tests have it)

        self._draw = draw
        self._st: Any = st

    def integer(self, least: int, most: int) -> int:
        """See `Choices`."""
        value: int = self._draw(self._st.integers(least, most))
        return value

    def number(self, least: float, most: float) -> float:
        """See `Choices`."""
        return round(self.integer(round(least * 1000), round(most * 1000)) / 1000, 3)

    def boolean(self) -> bool:
        """See `Choices`."""
        value: bool = self._draw(self._st.booleans())
        return value

    def choice(self, values: "Sequence[T]") -> T:
        """See `Choices`."""
        return values[self.integer(0, len(values) - 1)]

    def shuffled(self, values: "Iterable[T]") -> list[T]:
        """See `Choices`."""
        return list(self._draw(self._st.permutations(list(values))))

    def several(self, most: int) -> "Iterable[int]":
        """See `Choices`: one at a time, so that each can be left out."""
        number = 0
        while number < most and self.boolean():
            yield number
            number += 1

    def __repr__(self) -> str:
        return "<HypothesisChoices>"


# --- what people do ---------------------------------------------------------------------------------------------------


def _operations(choices: Choices, machines: int, names: list[str], safety: float) -> list[Operation]:
    machine, name, at = choices.integer(0, machines - 1), choices.choice(names), choices.number(0.0, safety - 10.0)
    kind = choices.choice(("register", "resolve", "tunnel", "release", "pin", "visit", "recover"))
    simple = {"resolve": Resolve, "release": Release, "pin": Pin}
    if kind in simple:
        return [simple[kind](at=at, machine=machine, name=name)]
    if kind == "register":
        return [Register(at=at, machine=machine, name=name, contest=choices.boolean())]
    if kind == "visit":
        return _page(choices, machines, machine, name, at, safety)
    if kind == "recover":
        return _second_machine(choices, machines, name, at, safety)
    done: list[Operation] = [
        Register(at=at, machine=machine, name=name),
        Expose(at=at + 0.5, machine=machine, port=PORT, name=name),
        Fetch(
            at=choices.number(at + 1.0, safety),
            machine=choices.integer(0, machines - 1),
            of=machine,
            port=PORT,
            name=name,
            up=choices.integer(0, 300_000),
            down=choices.integer(0, 300_000),
            duplex=choices.boolean(),
            pace=choices.choice((0.0, 0.5, 2.0)),
            read_pace=choices.choice((0.0, 0.0, 0.1)),
        ),
    ]
    if choices.boolean():
        done.append(Unexpose(at=choices.number(at + 1.0, safety), machine=machine, port=PORT, name=name))
    return done


def _page(choices: Choices, machines: int, owner: int, name: str, at: float, safety: float) -> list[Operation]:
    """A page, and who asks for it in some way."""
    visitor, way = choices.integer(0, machines - 1), choices.choice(tuple(Way))
    return [
        Register(at=at, machine=owner, name=name),
        Expose(at=at + 0.5, machine=owner, port=HTTPS, name=name),
        Visit(at=choices.number(at + 1.0, safety), machine=visitor, name=name, way=way),
    ]


def _second_machine(choices: Choices, machines: int, name: str, at: float, safety: float) -> list[Operation]:
    """A machine becomes one of another owner's, in a new home, and claims a name.

    Not machine 0: it would be another peer, whom nobody calls, and it knows nobody itself.
    """
    machine = choices.integer(min(1, machines - 1), machines - 1)
    if not machine:
        return []
    return [
        Recover(at=at, machine=machine, of=choices.integer(0, machines - 1)),
        Register(at=choices.number(at + 1.0, safety), machine=machine, name=name, contest=choices.boolean()),
    ]


# --- what goes wrong --------------------------------------------------------------------------------------------------


def _crash(choices: Choices, machines: int, safety: float) -> Fault:
    return faults.Crash(**_where(choices, machines, safety), down=choices.number(0.0, 20.0), torn=choices.boolean())


def _kill(choices: Choices, machines: int, safety: float) -> Fault:
    return faults.Kill(**_where(choices, machines, safety), down=choices.number(0.0, 5.0))


def _leave(choices: Choices, machines: int, safety: float) -> Fault:
    return faults.Leave(**_where(choices, machines, safety), down=choices.number(0.0, 30.0))


def _storm(choices: Choices, machines: int, safety: float) -> Fault:
    return faults.Storm(
        **_where(choices, machines, safety), times=choices.integer(1, 6), apart=choices.number(0.0, 3.0)
    )


def _pause(choices: Choices, machines: int, safety: float) -> Fault:
    return faults.Pause(**_where(choices, machines, safety), seconds=choices.number(0.1, 20.0))


def _slow(choices: Choices, machines: int, safety: float) -> Fault:
    return faults.Slow(
        **_where(choices, machines, safety), seconds=choices.number(1.0, 20.0), by=choices.number(0.01, 0.3)
    )


def _actor(choices: Choices, machines: int, safety: float) -> Fault:
    where = _where(choices, machines, safety)
    return faults.ActorCrash(
        **where, path=choices.choice(faults.PATHS), times=choices.integer(1, 4), apart=choices.number(0.0, 4.0)
    )


def _split(choices: Choices, machines: int, safety: float) -> Fault:
    order = choices.shuffled(range(machines))
    cut = choices.integer(1, max(1, machines - 1))
    groups = tuple(tuple(sorted(group)) for group in (order[:cut], order[cut:]) if group)
    return faults.Split(at=_when(choices, safety), groups=groups, seconds=choices.number(1.0, safety))


def _cut(choices: Choices, machines: int, safety: float) -> Fault:
    source, target = _pair(choices, machines)
    return faults.Cut(
        at=_when(choices, safety),
        source=source,
        target=target,
        seconds=choices.number(1.0, 40.0),
        both=choices.boolean(),
    )


def _flap(choices: Choices, machines: int, safety: float) -> Fault:
    source, target = _pair(choices, machines)
    return faults.Flap(
        at=_when(choices, safety),
        source=source,
        target=target,
        times=choices.integer(1, 6),
        away=choices.number(0.1, 15.0),
        there=choices.number(0.1, 5.0),
    )


def _degrade(choices: Choices, machines: int, safety: float) -> Fault:
    source, target = _pair(choices, machines)
    return faults.Degrade(
        at=_when(choices, safety), source=source, target=target, seconds=choices.number(5.0, 40.0), **_bad(choices)
    )


def _weather(choices: Choices, machines: int, safety: float) -> Fault:  # noqa: ARG001 (as all of them)
    return faults.Weather(at=_when(choices, safety), seconds=choices.number(5.0, 30.0), **_bad(choices))


def _bad(choices: Choices) -> dict[str, Any]:
    return {
        "latency": choices.number(0.0, 0.3),
        "jitter": choices.number(0.0, 0.1),
        "loss": choices.choice((0.0, 0.01, 0.1, 0.3)),
        "reorder": choices.choice((0.0, 0.1)),
        "bandwidth": choices.choice((None, 100_000.0)),
    }


def _clog(choices: Choices, machines: int, safety: float) -> Fault:
    source, target = _pair(choices, machines)
    return faults.Clog(at=_when(choices, safety), source=source, target=target, seconds=choices.number(0.1, 15.0))


def _move(choices: Choices, machines: int, safety: float) -> Fault:
    # Not machine 0, which knows nobody's address and is everybody's way in.
    return faults.Move(at=_when(choices, safety), machine=choices.integer(min(1, machines - 1), machines - 1))


def _clock(choices: Choices, machines: int, safety: float) -> Fault:
    by = choices.choice((-5.0, 5.0, -700.0, 700.0, -90_000.0, 90_000.0))
    return faults.ClockStep(**_where(choices, machines, safety), by=by, seconds=choices.number(1.0, 60.0))


def _full(choices: Choices, machines: int, safety: float) -> Fault:
    return faults.DiskFull(**_where(choices, machines, safety), seconds=choices.number(1.0, 20.0))


def _broken(choices: Choices, machines: int, safety: float) -> Fault:
    return faults.DiskBroken(**_where(choices, machines, safety), seconds=choices.number(1.0, 20.0))


def _wipe(choices: Choices, machines: int, safety: float) -> Fault:
    # Without its keys a machine is another peer: nobody would call machine 0 as such, and it knows nobody itself.
    where, down, keys = _where(choices, machines, safety), choices.number(0.0, 5.0), choices.boolean()
    return faults.Wipe(**where, down=down, keys=keys or where["machine"] == 0)


def _restore(choices: Choices, machines: int, safety: float) -> Fault:
    where = _where(choices, machines, safety)
    return faults.Restore(**where, saved=choices.number(0.0, where["at"]), down=choices.number(0.0, 5.0))


MAKERS: "tuple[Callable[[Choices, int, float], Fault], ...]" = (
    _crash, _kill, _leave, _storm, _pause, _slow, _actor, _split, _cut, _flap, _clock, _degrade, _weather,
    _clog, _move, _full, _broken, _wipe, _restore,
)  # fmt: skip
"""A class of faults each; in a plan each is off in half of the cases."""


def _where(choices: Choices, machines: int, safety: float) -> dict[str, Any]:
    return {"at": _when(choices, safety), "machine": choices.integer(0, machines - 1)}


def _when(choices: Choices, safety: float) -> float:
    return choices.number(0.0, safety - 1.0)


def _pair(choices: Choices, machines: int) -> tuple[int, int]:
    source = choices.integer(0, machines - 1)
    return source, (source + choices.integer(1, max(1, machines - 1))) % machines
