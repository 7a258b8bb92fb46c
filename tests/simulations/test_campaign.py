import json
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from simulations import campaign, sources
from simulations.campaign import Campaign, Result, Task, normalised
from simulations.plan import Plan

TASKS = [Task(scenario="swarm", seed=seed, size=3) for seed in range(6)]


def fake(task):
    """Seeds 2 and 4 fail alike, 5 dies."""
    if task.seed == 5:
        raise RuntimeError("killed")
    passed = task.seed not in {2, 4}
    return Result(key=task.key, passed=passed, signature="" if passed else "L1: # is gone", message=f"m{task.seed}")


@pytest.fixture
def runs(monkeypatch, tmp_path):
    done, shrunk = [], []

    def perform(task):
        done.append(task.seed)
        return fake(task)

    def shrink(text, signature, tries):
        shrunk.append((Plan.loads(text).seed, signature, tries))
        return attrs.evolve(Plan.loads(text), operations=(), faults=()).dumps()

    monkeypatch.setattr(campaign, "perform", perform)
    monkeypatch.setattr(campaign, "shrink_failure", shrink)
    return tmp_path / "results.jsonl", tmp_path / "kept", done, shrunk


def go(results, kept, **options):
    told = []
    this = Campaign(results, kept, shrink_tries=9)
    with ThreadPoolExecutor(2) as executor:
        this.run(TASKS, executor, at_once=2, tell=told.append, **options)
    return this, told


def test_failures_that_say_the_same_are_one_and_are_shrunk_once(runs):
    results, kept, done, shrunk = runs
    this, told = go(results, kept)
    assert sorted(done) == [0, 1, 2, 3, 4, 5]
    assert len(told) == 6
    assert {signature: len(found) for signature, found in this.failures.items()} == {
        "L1: # is gone": 2,
        "died: RuntimeError": 1,
    }
    assert sorted(signature for _seed, signature, _tries in shrunk) == ["L1: # is gone", "died: RuntimeError"]
    files = sorted(kept.iterdir())
    assert len(files) == 2
    assert all(Plan.load(path).events == 0 for path in files)


def test_an_interrupted_campaign_goes_on_where_it_was(runs):
    results, kept, done, _ = runs
    left = iter([True, True, True])
    go(results, kept, go_on=lambda: next(left, False))
    assert len(done) == 3
    with results.open("a") as file:
        file.write('{"key": "swarm/4/3/full", "pas')  # cut off while it wrote
    results.write_text(results.read_text() + "\n")
    this, told = go(results, kept)
    assert sorted(done) == [0, 1, 2, 3, 4, 5]
    assert len(told) == 3
    assert len(this.done) == 6


def test_each_run_is_a_line(runs):
    results, kept, _, _ = runs
    go(results, kept)
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert {row["key"] for row in rows} == {task.key for task in TASKS}


def test_a_message_is_normalised_to_what_every_such_failure_says():
    one = normalised("m3 forgot Claim(churn-3 ab2c live era 0 seq 500000 1a2b3c4d), which others can tell")
    other = normalised("m12 forgot Claim(swarm-0 zz9x live era 1 seq 500001 ffff0000), which others can tell")
    assert one == other
    assert "forgot" in one


def test_a_real_run_is_judged():
    result = campaign.perform(TASKS[1])
    assert result.passed, result
    assert result.trace
    assert result.virtual_s > 0


def test_a_line_that_was_cut_does_not_spoil_the_next_one(runs):
    results, kept, done, _ = runs
    results.write_text('{"key": "swarm/4/3/full", "pas')
    go(results, kept)
    assert sorted(done) == [0, 1, 2, 3, 4, 5]
    lines = results.read_text().splitlines()
    assert {json.loads(line)["key"] for line in lines[1:]} == {task.key for task in TASKS}
    assert len(Campaign(results, kept).done) == 6


def test_results_of_other_code_do_not_count(runs):
    results, kept, done, _ = runs
    other, unknown = attrs.asdict(Result(key=TASKS[2].key, passed=False, signature="mended", code="other")), {}
    unknown |= {key: value for key, value in other.items() if key != "code"} | {"key": TASKS[3].key}
    results.write_text(f"{json.dumps(other)}\n{json.dumps(unknown)}\n")
    assert Campaign(results, kept).outdated == 2
    this, _ = go(results, kept)
    assert sorted(done) == [0, 1, 2, 3, 4, 5]
    assert "mended" not in this.failures
    again = Campaign(results, kept)
    assert again.outdated == 0
    assert again.done == this.done
    assert {result.code for result in again.done.values()} == {sources.digest()}
