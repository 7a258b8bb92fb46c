"""That invariants can fail: each is given a product with a bug that it must see."""

import re
from pathlib import Path

import pytest
import trio

from beam_actors.control.serving import Service
from beam_actors.naming.entry import Entry
from beam_actors.naming.spread import Spread
from beam_actors.runtime import children
from beam_actors.runtime.children import Children
from beam_actors.runtime.restarts import RestartWindow
from beam_actors.testing.world import Profile, open_world
from simulations import run
from simulations.faults import ActorCrash, Kill
from simulations.invariants import ALL, Invariant, check_ids
from simulations.operations import Expose, Fetch, Register, Release
from simulations.plan import MachinePlan, Plan
from simulations.report import summary
from simulations.run import run_plan

TWO = (MachinePlan(), MachinePlan(bootstrap=(0,)))
CRASHES = (
    "core/services/registry",
    "core/services/names",
    "core/services/tunnels/offered",
    "core/services/tunnels/catalogue",
    "core/store",
    "control",
)
CRASHING = Plan(
    scenario="drawn",
    seed=1,
    machines=TWO,
    safety=45.0,
    faults=(
        *(ActorCrash(at=1.0 + 3 * number, machine=1, path=path) for number, path in enumerate(CRASHES)),
        *(ActorCrash(at=20.0 + number / 5, machine=0, path="control") for number in range(8)),
    ),
)
PEOPLE = Plan(
    scenario="drawn",
    seed=1,
    machines=TWO,
    safety=30.0,
    operations=(
        Register(at=1.0, machine=1, name="drawn-a"),
        Expose(at=2.0, machine=1, port=9000, name="drawn-a"),
        Fetch(at=8.0, machine=0, of=1, port=9000, name="drawn-a"),
        Register(at=9.0, machine=0, name="drawn-b"),
        Release(at=12.0, machine=0, name="drawn-b"),
    ),
    faults=(Kill(at=20.0, machine=1),),
)


def first(plan):
    report = run_plan(plan)
    assert report.first is not None, summary(report)
    assert report.tail
    return report.first.invariant


@pytest.mark.parametrize("plan", [CRASHING, PEOPLE], ids=["crashing", "people"])
def test_nothing_is_found_where_nothing_is_wrong(plan):
    report = run_plan(plan)
    assert report.passed, summary(report)


def test_a_supervisor_that_does_not_hear_of_a_child(monkeypatch):
    exited = Children.exited

    async def deaf(self, message):
        return None if message.cell.path.endswith("control") else await exited(self, message)

    monkeypatch.setattr(Children, "exited", deaf)
    assert first(CRASHING) == "S11"


def test_children_that_are_stopped_in_the_order_of_their_start(monkeypatch):
    async def stop_all(self, *, brutal):
        for cell, entry in list(self._entries.items()):
            await self._halt(cell, entry, brutal=brutal)
            self._forget(cell, entry)

    monkeypatch.setattr(Children, "stop_all", stop_all)
    assert first(CRASHING) == "S11"


@pytest.mark.parametrize("allows", [True, False])
def test_an_intensity_that_does_not_count(monkeypatch, allows):
    monkeypatch.setattr(RestartWindow, "allows", lambda _self, _now: allows)
    assert first(CRASHING) == "S11"


@pytest.mark.parametrize(
    "whom", [lambda _strategy, _all, failed: [failed], lambda _strategy, every, _failed: list(every)]
)
def test_a_strategy_that_restarts_others_than_it_says(monkeypatch, whom):
    monkeypatch.setattr(children, "concerned", whom)
    assert first(CRASHING) == "S11"


def test_a_task_that_outlives_its_daemon(monkeypatch):
    start = Spread.on_start

    async def leak(self):
        await start(self)
        trio.lowlevel.spawn_system_task(trio.sleep_forever, context=trio.lowlevel.current_task().context.copy())

    monkeypatch.setattr(Spread, "on_start", leak)
    assert first(PEOPLE) == "S21"


def test_bytes_in_the_clear(monkeypatch):
    monkeypatch.setattr(run, "open_world", lambda seed, _profile: open_world(seed, Profile.LIGHT))
    assert first(PEOPLE) == "S6"


def test_a_control_socket_that_asks_nobody_who_he_is(monkeypatch):
    monkeypatch.setattr(Service, "_is_stranger", lambda _self, _credentials: False)
    assert first(PEOPLE) == "S14"


def test_a_merge_that_keeps_what_came_first(monkeypatch):
    monkeypatch.setattr(Entry, "join", lambda self, _claim: self)
    assert first(PEOPLE) in {"S2", "S4", "S13", "L1"}


def test_an_id_stands_for_one_invariant_and_the_page_lists_them_all():
    ids = [kind.id for kind in ALL]
    assert len(ids) == len(set(ids))
    rows = {f"| {kind.id} | {kind.title} | `{kind.__module__.rpartition('.')[2]}` |" for kind in ALL}
    page = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text().splitlines()
    assert rows == {line for line in page if re.match(r"\| [SL]\d+ \|", line)}


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ("", "''; it must be S or L"),
        ("X1", "'X1'; it must be S or L"),
        ("S09", "S or L and a number"),
        ("S1", "as is that of GenuineClaims"),
    ],
)
def test_ids_are_checked(one, said):
    wrong = type("Wrong", (Invariant,), {"id": one})
    with pytest.raises(ValueError, match=f"Wrong.id is .*{said}"):
        check_ids([*ALL, wrong])
