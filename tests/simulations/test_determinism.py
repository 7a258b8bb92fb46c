import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from beam_actors.testing.world import Profile, run_world
from simulations import determinism
from simulations.determinism import ROOT, Run, busy_minute, interpreters, main


def traced(seed, look=lambda _world: None):
    async def scenario(world):
        await busy_minute(world, 8)
        look(world)

    return run_world(seed, scenario, Profile.LIGHT)


def test_a_busy_minute_replays_and_everything_happens_in_it():
    def look(world):
        lines = world.trace.lines
        assert sum(" resolved registry" in line or " resolved own" in line for line in lines) >= 6
        assert sum(machine.crashes for machine in world.machines.values()) == 1
        assert sum(machine.boots for machine in world.machines.values()) == 10

    trace, again = traced(3, look), traced(3)
    assert trace.digest == again.digest
    assert trace.payloads == again.payloads > 300
    assert trace.lines[-1].split()[1] == "schedule"


def test_the_other_python_agrees():
    other = [path for path in interpreters_that_exist() if path != Path(sys.executable)]
    if not other:
        pytest.skip("NO SECOND PYTHON: `make determinism` makes an environment for it, where there is one.")
    rows = [determinism._child(Run(python, "5"), 8, 3, "full") for python in (Path(sys.executable), *other)]
    assert len({row["python"].rpartition(".")[0] for row in rows}) == len(rows)
    assert len({row["digest"] for row in rows}) == 1


def interpreters_that_exist():
    return [python for version in ("3.11", "3.13") if (python := ROOT / f".venv-{version}" / "bin" / "python").exists()]


def test_a_python_that_is_not_there_is_said_loudly(monkeypatch, capsys):
    monkeypatch.setattr(determinism, "_VERSIONS", ("3.99",))
    assert list(interpreters()) == [Path(sys.executable)]
    assert "SKIPPED: there is no Python 3.99" in capsys.readouterr().err


def test_two_histories_of_one_seed_are_a_failure(monkeypatch):
    monkeypatch.setattr(determinism, "interpreters", lambda: iter([Path(sys.executable)]))
    rows = iter([{"digest": "a"}, {"digest": "b"}, {"digest": "c"}, {"digest": "c"}])
    monkeypatch.setattr(determinism, "_child", lambda *_: next(rows))
    failed = CliRunner().invoke(main, ["8"])
    assert failed.exit_code == 1
    assert "different histories" in failed.output
    assert CliRunner().invoke(main, ["8"]).exit_code == 0


def test_a_child_that_fails_fails_the_check(monkeypatch):
    def run(command, **_choices):
        assert command[-1] == "--child"  # a parent would start parents for ever
        return subprocess.CompletedProcess([], 1, "", "no such thing")

    monkeypatch.setattr(determinism.subprocess, "run", run)
    with pytest.raises(determinism.click.ClickException, match="no such thing"):
        determinism._child(Run(Path(sys.executable), "1"), 8, 1, "full")
