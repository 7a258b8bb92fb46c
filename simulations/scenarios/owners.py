"""Owners open eras, hand names over and are revoked, while machines and networks fail and a copy of a key is at large.

What it is after: every machine comes to know the present key and no former one holds anything; what was pinned or has a
petname follows its owner and the heirs, and never whoever copied a key; what was settled stays so through both; and
an owner who is revoked holds nothing anywhere.
"""

from functools import partial
from typing import TYPE_CHECKING

from simulations.browsing import HTTPS, Way
from simulations.choices import Choices, SeededChoices
from simulations.faults import Attack, Cut, Fault, Leave, Split, Wipe
from simulations.operations import Expose, Operation, Petname, Pin, Register, Release, Resolve
from simulations.owner_operations import Recover, Revoke, Rotate, Transfer
from simulations.plan import BadPlan, Bounds, MachinePlan, Plan, in_order
from simulations.topology import tree
from simulations.troubles import crash, halves, kill, leave, moment, pause, swarm
from simulations.web_operations import Visit

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "owners"
ABOUT = "owners rotate keys, hand names over and are revoked; a thief goes on with a former key"
SIZE = 10
_SAFETY = 100.0
_KNOWN = 22.0
"""By then names are claimed, and bound by some."""
_LATE = 70.0
_SETTLED = 30.0
"""Seconds after which a hold is settled: most are when their owners act, by which challengers are held up."""


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`; raise `BadPlan` for a machine that is alone."""
    if size < 2:
        raise BadPlan(f"{NAME} needs two machines: a name is handed over to somebody.")
    choices = SeededChoices(seed, NAME)
    happens: list[Operation] = []
    thieves: list[Fault] = []
    people = size - size // 4  # the other machines are second ones
    for index in range(people):
        happens += _names(choices, index, people)
        story = choices.choice(_STORIES)
        happens += story(choices, index, people)
        if story in {_rotates, _hands_over} and choices.integer(0, 2) == 0:
            thieves.append(_thief(choices, index, people))
    lost: list[Fault] = []
    second = people
    for index in range(people):
        if second < size and choices.boolean():
            done, gone = _sits_twice(choices, index, second)
            happens += done
            lost += gone
            second += 1
    faults = [*thieves[:3], *lost, *_troubles(choices, second)]
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=_machines(choices, second),
        settle=10.0,
        safety=_SAFETY,
        settle_after=_SETTLED,
        bounds=Bounds(converge=180.0),
        operations=in_order(happens),
        faults=in_order(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    people = stage.model.people
    return {
        "eras opened": float(sum(one.latest or 0 for one in stage.model.lineage.estates.values())),
        "names handed over": float(sum(len(person.handed_over) for person in people)),
        "owners revoked": float(sum(one.revoked is True for one in stage.model.lineage.estates.values())),
        "pins": float(sum(len(person.pins) for person in people)),
        "owners at two machines": float(sum(estate.shared for estate in stage.model.lineage.estates.values())),
        "petnames": float(sum(len(person.petnames) for person in people)),
        "claims by a copied key": float(stage.gang.tally["claims by a copied key"]),
    }


def _machines(choices: SeededChoices, size: int) -> tuple[MachinePlan, ...]:
    """In half of the runs the clocks differ, by less than what nodes bear."""
    skewed = choices.boolean()
    return tuple(
        MachinePlan(bootstrap=tree(index), offset=choices.number(-250.0, 250.0) if skewed else 0.0)
        for index in range(size)
    )


def _names(choices: SeededChoices, owner: int, size: int) -> list[Operation]:
    """A name or two, and who binds them."""
    done: list[Operation] = []
    for name in _of(owner)[: choices.integer(1, 2)]:
        done.append(Register(at=choices.number(0.0, 4.0), machine=owner, name=name))
        for _ in range(2):
            at, friend = choices.number(8.0, _KNOWN), (owner + choices.integer(1, size - 1)) % size
            kind = choices.integer(0, 2)
            if kind == 0:
                done.append(Pin(at=at, machine=friend, name=name))
            elif kind == 1:
                done.append(Visit(at=at, machine=friend, name=name))
            else:
                done.append(Petname(at=at, machine=friend, petname=f"dear-{name}", name=name))
        done.append(Resolve(at=choices.number(_KNOWN, _SAFETY), machine=choices.integer(0, size - 1), name=name))
        done.append(Expose(at=5.0, machine=owner, port=HTTPS, name=name))
        way = choices.choice(tuple(Way))
        done.append(Visit(at=choices.number(8.0, _SAFETY), machine=choices.integer(0, size - 1), name=name, way=way))
    if choices.boolean():
        done.append(Expose(at=5.0, machine=owner, port=9000, name=_of(owner)[0]))
    return done


def _of(owner: int) -> tuple[str, str]:
    return f"owner-{owner}", f"owner-{owner}-too"


def _rotates(choices: SeededChoices, owner: int, size: int) -> list[Operation]:
    """Once or twice."""
    times = [choices.number(_KNOWN + 5.0, _LATE), choices.number(_LATE, _SAFETY)][: choices.integer(1, 2)]
    done: list[Operation] = [Rotate(at=at, machine=owner) for at in times]
    if choices.boolean():
        done.append(_challenger(choices, owner, size))
    return done


def _hands_over(choices: SeededChoices, owner: int, size: int) -> list[Operation]:
    """A name; the heir asks for it twice, since the first time may be too early. Some heirs hand it on."""
    name, heir = _of(owner)[0], (owner + choices.integer(1, size - 1)) % size
    at = choices.number(_KNOWN + 5.0, 50.0)
    done: list[Operation] = [
        Transfer(at=at, machine=owner, name=name, to=heir),
        Register(at=at + choices.number(3.0, 8.0), machine=heir, name=name),
        Register(at=at + choices.number(12.0, 20.0), machine=heir, name=name),
    ]
    if choices.integer(0, 2) == 0:
        next_heir = (heir + choices.integer(1, size - 1)) % size
        done.append(Transfer(at=75.0, machine=heir, name=name, to=next_heir))
        done.append(Register(at=choices.number(85.0, _SAFETY), machine=next_heir, name=name))
    elif choices.boolean():
        done.append(Rotate(at=choices.number(_LATE, _SAFETY), machine=owner))
    if choices.boolean():
        done.append(_challenger(choices, owner, size))
    return done


def _is_revoked(choices: SeededChoices, owner: int, size: int) -> list[Operation]:
    """By any machine."""
    at = choices.number(_KNOWN + 5.0, _SAFETY - 10.0)
    done: list[Operation] = [Revoke(at=at, machine=choices.integer(0, size - 1), of=owner)]
    if choices.boolean():
        done.append(Register(at=choices.number(at, _SAFETY), machine=owner, name=f"owner-{owner}-again"))
    return done


def _gives_up(choices: SeededChoices, owner: int, size: int) -> list[Operation]:  # noqa: ARG001 (as all stories)
    """A name, as anybody does, and then rotates."""
    at = choices.number(_KNOWN, 60.0)
    return [
        Release(at=at, machine=owner, name=_of(owner)[0]),
        Rotate(at=choices.number(at + 3.0, _SAFETY - 5.0), machine=owner),
    ]


def _stays(choices: SeededChoices, owner: int, size: int) -> list[Operation]:  # noqa: ARG001 (as all stories)
    """Does nothing."""
    return []


_STORIES = (_stays, _rotates, _hands_over, _is_revoked, _gives_up)


def _sits_twice(choices: SeededChoices, owner: int, second: int) -> tuple[list[Operation], list[Fault]]:
    """At a second machine by the recovery phrase, while the first one goes on, or when it is lost."""
    name = _of(owner)[0]
    at = choices.number(10.0, _LATE)
    done: list[Operation] = [
        Recover(at=at, machine=second, of=owner),
        Register(at=at + choices.number(2.0, 10.0), machine=second, name=name),
    ]
    if choices.boolean():
        done.append(Expose(at=at + 12.0, machine=second, port=9000, name=name))
    if choices.boolean():  # at one moment, so that neither knows of the other
        both = at + choices.number(3.0, 15.0)
        done += [Register(at=both, machine=machine, name=f"{name}-late") for machine in (owner, second)]
    if choices.boolean():  # the key of an era that was opened meanwhile, on either machine
        done.append(Recover(at=choices.number(at + 12.0, _SAFETY), machine=choices.choice((second, owner)), of=owner))
    if choices.integer(0, 2) == 0:
        done.append(Release(at=choices.number(at + 12.0, _SAFETY), machine=choices.choice((second, owner)), name=name))
    if choices.integer(0, 2) == 0:
        done.append(Rotate(at=choices.number(at + 12.0, _SAFETY), machine=second))
    if owner and choices.integer(0, 2) == 0:  # not machine 0, which is everybody's way in
        when = choices.number(8.0, _SAFETY - 1.0)
        lost = choices.boolean()
        return done, [Wipe(at=when, machine=owner, keys=False) if lost else Leave(at=when, machine=owner, back=False)]
    return done, []


def _challenger(choices: SeededChoices, owner: int, size: int) -> Operation:
    """Somebody who claims the name late, whom most have no reason to believe."""
    other = (owner + choices.integer(1, size - 1)) % size
    at = choices.number(_LATE + 5.0, _SAFETY)
    return Register(at=at, machine=other, name=_of(owner)[0], contest=True)


def _thief(choices: SeededChoices, owner: int, size: int) -> Fault:
    """Who copied the owner's key before it is replaced, perhaps after the first time."""
    others = [other for other in choices.shuffled(range(size)) if other != owner]
    victims = (owner, *sorted(others[:3]))
    return Attack(at=choices.choice((_KNOWN, _LATE - 5.0)), kind="copyist", victims=victims)


def _troubles(choices: SeededChoices, size: int) -> list[Fault]:
    """What befalls machines and links, and a split."""
    kinds = (crash, kill, partial(leave, most=30.0), pause, _cut)
    found = swarm(choices, kinds, size, _SAFETY, count=size // 2)
    if choices.boolean():
        groups = halves(choices, size)
        found.append(Split(at=choices.number(_KNOWN, 60.0), groups=groups, seconds=choices.number(10.0, 60.0)))
    return found


def _cut(choices: Choices, size: int, safety: float) -> Fault:
    source = choices.integer(0, size - 1)
    target = (source + choices.integer(1, size - 1)) % size
    return Cut(
        at=moment(choices, safety),
        source=source,
        target=target,
        seconds=choices.number(5.0, 40.0),
        both=choices.boolean(),
    )
