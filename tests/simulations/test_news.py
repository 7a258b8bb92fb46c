import json
import math

import pytest
from click.testing import CliRunner

from beam_actors.testing.world import Profile, run_world
from simulations import news
from simulations.news import (
    BOUND_COPIES,
    BOUND_S,
    Change,
    Found,
    Heard,
    Kind,
    Setting,
    Spread,
    main,
    measure,
    table,
    text,
)


def spread(seconds=(0.1, 0.2, 0.3, 0.4), copies=1.0, nodes=30):
    return Spread(kind=Kind.REGISTER, nodes=nodes, seconds=seconds, copies=copies)


def test_shares_are_of_the_nodes_that_were_connected():
    heard = Heard()
    heard.held[b"x"] = {0: 5.0} | {number: 5.0 + number for number in range(1, 99)} | {200: 5.1}
    heard.copies[b"x"] = 150
    change = Change(kind=Kind.REGISTER, home=0, claim=b"x", connected=frozenset(range(100)))
    found = change.spread(heard)
    assert found.seconds == (49.0, 89.0, 98.0, math.inf)
    assert (found.nodes, found.copies) == (100, 1.5)


def test_what_the_owners_other_machine_said_is_no_copy():
    heard = Heard()
    heard.held[b"x"] = {0: 5.0, 1: 6.0}
    heard.copies[b"x"] = 3
    assert Change(kind=Kind.RENEW, home=0, claim=b"x", connected=frozenset((0, 1))).spread(heard).copies == 1.0


@pytest.mark.parametrize(
    ("found", "within"),
    [
        (spread(), True),
        (spread(seconds=(1.0, 2.0, BOUND_S, math.inf)), True),
        (spread(seconds=(1.0, 2.0, BOUND_S + 0.1, 20.0)), False),
        (spread(copies=BOUND_COPIES + 0.01), False),
    ],
)
def test_the_bounds(found, within):
    assert found.within_bounds is within


def test_the_table_has_the_median_and_the_worst():
    changes = [spread(seconds=(0.1, 0.2, number / 10, math.inf), copies=number / 10) for number in range(1, 101)]
    row = table(Found(degrees=[3, 7, 40], spreads=changes))
    assert (row["nodes"], row["peers"], row["changes"]) == (3, [3, 7, 40], 100)
    assert (row["99 % s"], row["copies"]) == ([5.0, 9.5, 10.0], [5.0, 9.5, 10.0])
    assert row["100 % s"] == [None, None, None]
    lines = text(row).splitlines()
    assert lines[0] == "3 nodes with 3 to 40 peers each (median 7), 100 changes"
    assert [line.split()[-1] for line in lines[1:]] == ["worst", "0.1", "0.2", "10.0", "-", "10.0"]


def test_a_dozen_nodes_hear_of_each_change_in_time_and_are_not_told_it_again():
    found: list[Found] = []

    async def run(world):
        found.append(await measure(world, Setting(machines=12, links=3, changes=3, rate=1.0)))

    run_world(7, run, Profile.LIGHT)
    spreads = found[0].spreads
    assert sorted(one.kind for one in spreads) == sorted(Kind)
    assert all(one.nodes == 12 for one in spreads)
    assert all(one.within_bounds for one in spreads)
    assert min(one.seconds[-1] for one in spreads) > 0.1  # latencies are real
    assert min(one.copies for one in spreads) > 10 / 12  # all but the first were told, most of them in the open
    assert sum(found[0].degrees) / 12 > 3


@pytest.mark.parametrize(("copies", "code"), [(2.9, 0), (3.1, 1)])
def test_too_many_copies_are_a_failure(monkeypatch, copies, code):
    async def found(_world, setting):
        assert setting == Setting(machines=100, links=3, changes=60, rate=1.0)
        return Found(degrees=[2, 2], spreads=[spread(copies=copies)])

    monkeypatch.setattr(news, "measure", found)
    result = CliRunner().invoke(main, ["--json"])
    assert result.exit_code == code
    assert json.loads(result.stdout.splitlines()[0])["copies"] == [copies] * 3
