import math
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measures import MEASURES, TASKS
from benchmarks.ratios import Ratio, contestants, floors, goals, headroom, median, missed, ratio, table

RATE, LATENCY = "bulk down, 1 stream", "p50 of a request, 1 connection"
NAMED = {measure.name: measure for measure in MEASURES}
figures = st.floats(1e-3, 1e9)


def test_a_ratio_is_taken_within_each_round():
    series = {"beam": [1.0, 40.0, 90.0], "ssh": [2.0, 40.0, 30.0]}
    assert ratio(series, "beam") == Ratio(0.75, 1.0, 2.0, 3)


def test_rounds_in_which_one_is_missing_do_not_count():
    assert ratio({"iroh": [1.0, None, 3.0], "ssh": [2.0, 2.0, None]}, "iroh") == Ratio(0.5, 0.5, 0.5, 1)
    assert ratio({"iroh": [None], "ssh": [2.0]}, "iroh") is None
    assert ratio({"ssh": [2.0]}, "iroh") is None
    assert ratio({"iroh": [2.0]}, "iroh") is None
    assert median({"iroh": [None, 3.0, 5.0]}, "iroh") == 4.0
    assert median({"iroh": [None]}, "iroh") is None


@given(st.lists(st.tuples(figures, figures, st.floats(0.01, 100)), min_size=1, max_size=20))
def test_how_fast_the_machine_is_in_a_round_changes_nothing(rounds):
    steady = ratio({"beam": [ours for ours, _, _ in rounds], "ssh": [theirs for _, theirs, _ in rounds]}, "beam")
    uneven = ratio(
        {"beam": [ours * pace for ours, _, pace in rounds], "ssh": [theirs * pace for _, theirs, pace in rounds]},
        "beam",
    )
    assert steady.lower <= steady.median <= steady.upper
    for field in ("lower", "median", "upper"):
        assert math.isclose(getattr(steady, field), getattr(uneven, field), rel_tol=1e-9)


def test_the_worse_quartile_of_a_latency_is_the_upper_one():
    found = Ratio(1.0, 2.0, 3.0, 11)
    assert found.worse(NAMED[RATE]) == 1.0
    assert found.worse(NAMED[LATENCY]) == 3.0


def measured(rate=0.5, latency=3.0, who="beam"):
    return {
        RATE: {"none": [4000.0], "ssh": [500.0], who: [500.0 * rate]},
        LATENCY: {"none": [40.0], "ssh": [100.0], who: [100.0 * latency]},
    }


KEPT = {"beam": {RATE: 0.4, LATENCY: 4.0}}


def test_the_gate_lets_pass_what_is_as_good_as_was_kept():
    assert missed(measured(0.4, 4.0), KEPT) == []


@pytest.mark.parametrize(("rate", "latency", "named"), [(0.39, 4.0, RATE), (0.4, 4.1, LATENCY)])
def test_the_gate_names_the_measure_that_fell(rate, latency, named):
    (fault,) = missed(measured(rate, latency), KEPT)
    assert f"beam, {named}" in fault


def test_the_gate_asks_the_median_and_not_the_worst_round():
    rounds = measured()
    rounds[RATE] = {"ssh": [1.0] * 3, "beam": [0.01, 0.5, 0.5]}
    assert missed(rounds, KEPT) == []


def test_the_gate_fails_closed():
    (fault,) = missed({RATE: measured()[RATE]}, KEPT)
    assert f"{LATENCY}: not measured" in fault
    without_ssh = {name: {"beam": series["beam"]} for name, series in measured().items()}
    assert len(missed(without_ssh, KEPT)) == 2
    (fault,) = missed(measured(), {"beam": {RATE: 0.4}})
    assert f"{LATENCY}: no bound is kept" in fault
    (fault,) = missed(measured(), {"beam": {**KEPT["beam"], "made up": 1.0}})
    assert "no measure" in fault


def test_floors_are_three_quarters_of_what_was_measured():
    written = floors(measured(0.4, 3.0), ["beam", "beam https"], "Measured today.")
    assert "# Measured today." in written
    kept = tomllib.loads(written)
    assert kept == {"beam": {RATE: 0.3, LATENCY: 4.0}, "beam https": {}}
    assert missed(measured(0.31, 3.9), kept) == []
    assert len(missed(measured(0.29, 4.1), kept)) == 2


def test_the_table_has_ratios_first_and_a_row_for_each_measure():
    rounds = measured()
    rounds[RATE]["iroh"] = [2.0]
    head, _, *rows = table(rounds).splitlines()
    assert head.startswith("|  | beam to ssh: median (worse quartile) | should | iroh | ssh | no tunnel |")
    assert rows == [
        f"| {RATE}, MB/s | 0.50 (0.50) | ≥ 1.3 | 0.004 | 500 | 4,000 |",
        f"| {LATENCY}, µs | 3.00 (3.00) | ≤ 1.1 |  | 100 | 40 |",
    ]
    assert contestants(rounds) == ["none", "ssh", "beam", "iroh"]
    assert contestants({}) == []


def test_goals_are_held_against_the_worse_quartile():
    assert goals(measured(1.3, 1.1)) == [
        f"reached {RATE}: worse quartile 1.30, wanted 1.3",
        f"reached {LATENCY}: worse quartile 1.10, wanted 1.1",
    ]
    assert [line.split()[0] for line in goals(measured(1.2, 1.2))] == ["short", "short"]


def test_headroom_is_that_over_the_fastest_tunnel_where_it_is_least():
    assert headroom(measured(2.0)) == (4.0, RATE)
    assert headroom({RATE: {"ssh": [1.0]}}) is None
    assert headroom({}) is None


def test_measures_have_names_of_their_own_and_a_task_each():
    assert len(NAMED) == len(MEASURES) == 15
    assert {measure.task for measure in MEASURES} == set(TASKS)
    assert len(TASKS) == 9
