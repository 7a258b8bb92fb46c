import json
from collections import Counter

import pytest
from click.testing import CliRunner

from beam_actors.naming import Claim, Limits
from beam_actors.naming.claim_rows import read_entry
from beam_actors.node import NodeConfig
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.machine import CONTROL
from beam_actors.testing.world import Profile, run_world
from simulations import resolving
from simulations.resolving import Asked, Setting, Zipf, main, measure, rows, table


def asked(phase, source, *times):
    return [Asked(phase=phase, source=source, ms=time, wall_us=100.0) for time in times]


def test_a_rank_is_drawn_as_often_as_zipf_says():
    zipf, entropy = Zipf(10), SeededEntropy(b"zipf")
    drawn = Counter(zipf.draw(entropy) for _ in range(20_000))
    total = sum(1 / rank for rank in range(1, 11))
    for rank in range(10):
        assert drawn[rank] / 20_000 == pytest.approx(1 / (rank + 1) / total, rel=0.15)


def test_each_name_has_one_claim_and_no_owner_too_many():
    network = NodeConfig(control=CONTROL).network
    claims = [read_entry(change.key, change.value, network)[0].claim for change in rows(40, 1_800_000_000)]
    assert all(isinstance(claim, Claim) for claim in claims)
    assert {str(claim.name) for claim in claims} == {f"zipf-{rank}" for rank in range(40)}
    assert max(Counter(claim.owner for claim in claims).values()) == Limits().names_per_owner


def test_the_table_has_a_row_for_each_source_and_the_mean_of_all():
    found = table(asked("cold", "neighbours", *map(float, range(1, 101))) + asked("cold", "registry", 0.0, 0.0))
    assert [(row["source"], row["asked"]) for row in found] == [("neighbours", 100), ("registry", 2), ("all", 102)]
    assert [found[0][f"p{part}_ms"] for part in (50, 95, 99)] == [51.0, 96.0, 100.0]
    assert (found[0]["mean_ms"], found[2]["mean_ms"]) == (50.5, 49.5)
    assert ("wall_p50_us" in found[0], found[1]["wall_p50_us"]) == (False, 100)


def test_newcomers_learn_by_asking_and_remember_without_a_network():
    found: list[Asked] = []

    async def run(world):
        setting = Setting(machines=8, names=160, seconds=1.5, rate=10.0, silent=1)
        found.extend(await measure(world, setting))

    run_world(3, run, Profile.LIGHT)
    by = {(one.phase, one.source): one for one in found}
    assert {one.phase for one in found} == {"cold", "warm", "alone"}
    assert {("cold", "neighbours"), ("cold", "registry"), ("warm", "registry"), ("alone", "cache")} <= by.keys()
    assert ("alone", "neighbours") not in by
    assert all((one.ms == 0.0) == (one.source in {"registry", "cache"}) for one in found)
    assert all(one.ms < 1000.0 for one in found)  # nobody waits for the silent one


@pytest.mark.parametrize(("times", "code"), [((49.0, 50.0), 0), ((50.0, 51.0), 1)])
def test_a_mean_above_the_bound_is_a_failure(monkeypatch, times, code):
    async def found(_world, setting):
        assert setting == Setting(machines=24, names=10_000, seconds=60.0, rate=10.0, silent=0)
        return asked("cold", "neighbours", *times)

    monkeypatch.setattr(resolving, "measure", found)
    result = CliRunner().invoke(main, [])
    assert result.exit_code == code
    assert json.loads(result.stdout.splitlines()[0])["source"] == "neighbours"
