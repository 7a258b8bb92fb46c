from concurrent.futures import ThreadPoolExecutor

import pytest

from simulations import campaign, campaign_watch, sources
from simulations.campaign import Campaign, Result, Task
from simulations.plan import Plan

TASKS = [Task(scenario="swarm", seed=seed, size=3) for seed in range(3)]


@pytest.fixture
def watched(monkeypatch, tmp_path, capsys):
    """Seed 1 fails; what a person then sees who reads eighty columns, and the exit code."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(campaign_watch, "local_executor", ThreadPoolExecutor)
    monkeypatch.setattr(campaign, "shrink_failure", lambda text, signature, tries: text)

    def perform(task):
        failed = task.seed == 1
        return Result(
            key=task.key, passed=not failed, signature="L1: # is gone" if failed else "", trace=str(task.seed)
        )

    monkeypatch.setattr(campaign, "perform", perform)
    kept = tmp_path / "a folder whose path is long enough to be longer than a terminal" / "kept"

    def look(minutes=None):
        code = campaign_watch.watch(Campaign(tmp_path / "results.jsonl", kept), TASKS, 1, None, minutes)
        return code, capsys.readouterr().err

    return look, kept


def test_what_failed_can_be_run_again_by_a_command_on_one_line(watched):
    look, kept = watched
    code, said = look()
    assert code == 1
    (path,) = kept.iterdir()
    assert f"    python -m simulations replay '{path}'\n" in said
    assert Plan.load(path) == TASKS[1].plan()
    assert "  1 time: L1: # is gone\n" in said
    assert "1 kind of failure" in said
    assert "3 of 3 runs, 3 different histories" in said
    assert look()[1].startswith("3 of 3 runs stand in ")


def test_what_was_not_begun_in_time_is_said(watched):
    look, _ = watched
    code, said = look(minutes=1e-9)
    assert code == 0
    assert "The time ran out: 3 runs not done.\n" in said


def test_results_of_other_code_are_said_not_to_count(watched, monkeypatch):
    look, _ = watched
    look()
    monkeypatch.setattr(sources, "digest", lambda: "other")
    assert "Not counted: 3 runs of other code in " in look()[1]
