import json
from types import SimpleNamespace

import pytest

from benchmarks import tunnel as module
from benchmarks.load import Stuck
from benchmarks.measures import MEASURES, TASKS
from benchmarks.ratios import missed
from benchmarks.tunnel import GUEST_ROUNDS, Contestant, bounds, measure

BARE = Contestant(name="none", port=1)
SSH = Contestant(name="ssh", port=2)
GUEST = Contestant(name="iroh", port=3, guest=True)
WEB = Contestant(name="beam https", port=4, host="a.local", ca="ca.pem", roles=("requests",))
ROWS = {"bulk": {"mb_per_s": 1.0}, "connects": {"per_s": 2.0}, "requests": {"per_s": 3.0, "p50_us": 4.0, "p99_us": 5.0}}


@pytest.fixture
def loads(monkeypatch):
    """What the generator was asked to do; it always does it, unless a load is in `stuck`."""
    asked = []

    def run(load):
        asked.append(load)
        if (load.port, load.role) in stuck:
            raise Stuck("nothing came through")
        return {**ROWS[load.role.split()[0]], "drained": float(load.port not in leaking)}

    stuck, leaking = set(), set()
    monkeypatch.setattr(module, "run", run)
    return SimpleNamespace(all=asked, stuck=stuck, leaking=leaking)


def test_each_round_has_every_task_once_with_each_contestant(loads):
    result = measure([BARE, SSH], 9, 2, 0.5)
    tasks = [(task.role, task.connections) for task in TASKS]
    assert [(load.role, load.connections) for load in loads.all[::2]] == tasks * 2
    assert {load.target for load in loads.all} == {9}
    assert {load.seconds for load in loads.all} == {0.5}
    assert set(result.rounds) == {each.name for each in MEASURES}
    assert all(len(series) == 2 for row in result.rounds.values() for series in row.values())
    assert result.rounds["p99 of a request, 32 connections"] == {"none": [5.0, 5.0], "ssh": [5.0, 5.0]}
    assert result.failures == []


def test_who_begins_changes_from_round_to_round(loads):
    measure([BARE, SSH, WEB], 9, 3, 0.5)
    first = [load.port for load in loads.all if (load.role, load.connections) == ("requests", 1)]
    assert first == [1, 2, 4, 2, 4, 1, 4, 1, 2]


def test_https_is_asked_for_requests_alone_and_verified(loads):
    result = measure([SSH, WEB], 9, 1, 0.5)
    asked = [load for load in loads.all if load.port == WEB.port]
    assert {load.role for load in asked} == {"requests"}
    assert {(load.host, load.ca) for load in asked} == {("a.local", "ca.pem")}
    assert "beam https" not in result.rounds["bulk down, 1 stream"]


def test_guests_come_every_few_rounds_and_the_rounds_stay_aligned(loads):
    result = measure([SSH, GUEST], 9, GUEST_ROUNDS + 2, 0.5)
    for series in result.rounds.values():
        assert [value is not None for value in series["iroh"]] == [True, *[False] * (GUEST_ROUNDS - 1), True, False]
        assert None not in series["ssh"]


def test_who_fails_a_task_gives_it_up_and_nothing_else(loads):
    loads.stuck.add((SSH.port, "bulk up"))
    result = measure([BARE, SSH], 9, 2, 0.5)
    found = [(row["contestant"], row["task"], row["round"]) for row in result.failures]
    assert found == [("ssh", "bulk up 1", 0), ("ssh", "bulk up 8", 0)]
    assert result.rounds["bulk up, 1 stream"] == {"none": [1.0, 1.0], "ssh": [None, None]}
    assert result.rounds["bulk down, 1 stream"]["ssh"] == [1.0, 1.0]


def test_connections_that_stay_open_are_told_and_the_figure_stands(loads):
    loads.leaking.add(SSH.port)
    result = measure([SSH], 9, 1, 0.5)
    assert len(result.failures) == len(TASKS)
    assert result.rounds["bulk up, 1 stream"] == {"ssh": [1.0]}


def test_every_measure_of_ours_has_a_floor():
    kept = bounds()
    assert set(kept) == set(module.OURS)
    assert set(kept["beam"]) == {each.name for each in MEASURES}
    assert set(kept["beam https"]) == {each.name for each in MEASURES if each.task.role == "requests"}


def test_the_kept_floors_are_reached_by_what_is_as_good_and_missed_by_the_half_of_it():
    named = {each.name: each for each in MEASURES}
    for factor, wrong in ((1.0, 0), (0.5, sum(map(len, bounds().values())))):
        rounds = {name: {"ssh": [100.0]} for name in named}
        for who, kept in bounds().items():
            for name, bound in kept.items():
                rounds[name][who] = [100.0 * (bound / factor if named[name].less_is_better else bound * factor)]
        assert len(missed(rounds, bounds())) == wrong


def test_what_was_measured_can_be_kept(loads):
    result = measure([BARE, SSH, GUEST], 9, 2, 0.5)
    assert json.loads(json.dumps({"rounds": result.rounds, "failures": result.failures}))["rounds"] == result.rounds
