"""The simulator's commands, on a plan of two machines; what a run itself does is tested where runs are."""

import json

import attrs
import pytest
from click.testing import CliRunner

from beam_actors.testing.security import Profile
from simulations import __main__ as cli
from simulations import scenarios
from simulations.invariants import Violation
from simulations.operations import Register
from simulations.plan import MachinePlan, Plan
from simulations.run import run_plan

SMALL = Plan(
    scenario="drawn",
    seed=1,
    machines=(MachinePlan(), MachinePlan(bootstrap=(0,))),
    settle=2.0,
    safety=5.0,
    operations=(Register(at=0.5, machine=1, name="small"),),
)


@pytest.fixture(scope="module")
def report():
    return run_plan(SMALL)


@pytest.fixture
def run(monkeypatch, report):
    """Run a command; a plan gives the report of `SMALL`, with violations if there are to be some."""

    def invoke(*arguments, violations=()):
        def run_it(plan, *, progress):
            return attrs.evolve(report, plan=plan, passed=not violations, violations=list(violations))

        monkeypatch.setattr(cli, "run_plan", run_it)
        return CliRunner().invoke(cli.main, arguments)

    return invoke


def test_the_list_names_scenarios_and_kept_plans(run):
    lines = run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines[: len(scenarios.names())]] == scenarios.names()
    assert any(line.endswith("news-before-announcement.json") for line in lines)


def test_a_run_is_summed_up_and_written(run, tmp_path):
    done = run("run", "steady", "--size", "2", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0
    assert done.stdout.startswith("steady, seed 1, 2 machines, full profile: all held")
    assert Plan.load(tmp_path / "out" / "plan.json") == scenarios.load("steady").plan(1, 2)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["passed"]


def test_a_run_may_have_the_light_profile(run, tmp_path):
    done = run("run", "steady", "--size", "2", "--profile", "light", "--out", str(tmp_path))
    assert done.stdout.startswith("steady, seed 1, 2 machines, light profile: all held")
    assert Plan.load(tmp_path / "plan.json").profile is Profile.LIGHT


def test_a_violation_keeps_the_plan_and_prints_the_commands_that_run_it_again(run, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "REGRESSIONS", tmp_path)
    done = run("run", "steady", "--size", "2", "--seed", "7", violations=[Violation("L1", "nobody agrees", 3.0)])
    assert done.exit_code == 1
    assert "L1 at 3.000 s: nobody agrees" in done.stdout
    assert "Again:  make sim SCENARIO=steady SEED=7 SIZE=2\n" in done.stderr
    kept = tmp_path / "steady-7-2.json"
    assert f"Kept:   python -m simulations replay {kept}" in done.stderr
    again = run("replay", str(kept), "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["plan"] == json.loads(kept.read_text())


@pytest.mark.parametrize(
    "arguments",
    [("run", "nowhere"), ("run", "steady", "--size", "-1"), ("campaign", "steady", "--seeds", "x"), ("replay", "none")],
)
def test_what_makes_no_sense_is_refused(run, arguments):
    assert run(*arguments).exit_code == 2


@pytest.fixture
def violated(report, monkeypatch, tmp_path):
    """Every plan fails, and failing plans are kept in a folder of the test."""
    monkeypatch.setattr(cli, "run_plan", lambda plan, progress: attrs.evolve(report, plan=plan, passed=False))
    monkeypatch.setattr(cli, "REGRESSIONS", tmp_path / "kept")
    return tmp_path


def call(*args):
    return CliRunner().invoke(cli.main, [str(arg) for arg in args])


def refused(*args):
    """What is said of a command that makes no sense."""
    result = call(*args)
    assert result.exit_code == 2, result.output
    return result.stderr


def test_a_plan_from_a_file_is_run_again_from_that_file(violated):
    path = violated / "of mine.json"
    SMALL.save(path)
    result = call("replay", path, "--out", violated / "out")
    assert result.exit_code == 1
    command = f"python -m simulations replay '{path}'"
    assert f"Again:  {command}\n" in result.stderr
    assert "make sim" not in result.stderr
    assert json.loads((violated / "out" / "report.json").read_text())["command"] == command


@pytest.mark.parametrize("profile", ["full", "light"])
def test_a_scenario_is_run_again_by_the_size_that_was_asked_for(violated, profile):
    """A plan of `swarm` for six machines has fewer, and its number would make another plan."""
    result = call("run", "swarm", "--seed", 3, "--size", 6, "--profile", profile)
    assert result.exit_code == 1
    command = "make sim SCENARIO=swarm SEED=3 SIZE=6" + (" PROFILE=light" if profile == "light" else "")
    assert f"Again:  {command}\n" in result.stderr
    (kept,) = (violated / "kept").iterdir()
    assert f"replay {kept}\n" in result.stderr
    assert Plan.load(kept).size < 6
    assert Plan.load(kept).profile == profile


def test_a_plan_that_makes_no_sense_is_refused_in_its_own_words(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(SMALL.dumps().replace('"safety": 5.0', '"safety": -1.0'))
    assert "safety must be from 0 to 31622400, not -1.0." in refused("replay", path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run partition --size 1", "partition needs two machines"),
        ("run name_conflict --size 1", "name_conflict needs two machines"),
        ("run partition --size 0", "0 is not in the range x>=1"),
        ("run partition --size -5", "-5 is not in the range x>=1"),
        (f"run churn --seed {10**60}", "is not in the range"),
        ("run nowhere", "There is no scenario 'nowhere'; there are churn"),
        ("campaign swarm --size -2", "-2 is not in the range x>=1"),
        ("campaign swarm partition --size 1", "partition needs two machines"),
        ("campaign swarm --processes 0", "0 is not in the range x>=1"),
        ("campaign swarm --processes -1", "-1 is not in the range x>=1"),
        ("campaign swarm --seeds 5-1", "'5-1' is no range of seeds, such as 1-100."),
        ("campaign swarm --seeds 5-", "'5-' is no range of seeds, such as 1-100."),
        ("campaign swarm --minutes 0", "0.0 is not in the range x>0"),
        ("campaign swarm --minutes -1", "-1.0 is not in the range x>0"),
        ("campaign swarm --results .", "File '.' is a directory"),
        ("growth --sizes 0", "There is no network of fewer than one machine."),
        ("rounds --sizes 49", "'49' is no list of numbers from 50 to 100000"),
        ("rounds --sizes 100,", "'100,' is no list of numbers from 50 to 100000"),
        ("rounds --paths 0", "'0' is no list of numbers from 1 to 8"),
        ("rounds --hostile 91", "'91' is no list of numbers from 0 to 90"),
        ("rounds --hostile ²", "'²' is no list of numbers from 0 to 90"),
        ("rounds --kind angry", "'angry' is not one of"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(words, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert said in refused(*words.split())


@pytest.mark.parametrize("text", ["a diary\n", '{"size": 3, "wall_s": 1}\n', '{\n "key": 1\n}\n', "[]\n", "\udcff"])
def test_a_file_of_something_else_is_no_file_of_results(tmp_path, text):
    path = tmp_path / "diary.txt"
    path.write_text(text, errors="surrogateescape")
    said = refused("campaign", "swarm", "--results", path)
    assert str(path) in said
    assert "results" in said
    assert path.read_text(errors="surrogateescape") == text


def test_rounds_prints_a_row_for_each_attack_and_number_of_paths_and_keeps_it(tmp_path):
    words = ["rounds", "--sizes", "60", "--hostile", "0,20", "--paths", "1,4", "--searches", "2", "--churn", "0"]
    result = call(*words, "--out", tmp_path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line[:33].split() for line in lines[1:]] == [
        ["60", "none", "1"], ["60", "none", "4"], ["60", "20%", "near", "1"], ["60", "20%", "near", "4"]
    ]  # fmt: skip
    assert len((tmp_path / "rounds.jsonl").read_text().splitlines()) == 4
    assert ("rounds.png" in result.stderr) is (tmp_path / "rounds.png").exists()


@pytest.mark.parametrize("command", ["run churn", "growth", "rounds"])
def test_a_folder_that_cannot_be_written_is_refused_before_the_run(tmp_path, command, monkeypatch):
    monkeypatch.setattr(cli, "run_plan", None)
    (tmp_path / "file").write_text("")
    assert "Nothing can be written into" in refused(*command.split(), "--out", tmp_path / "file" / "folder")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BaseExceptionGroup("", [KeyboardInterrupt()])])
def test_an_interrupt_ends_a_run_with_a_word(monkeypatch, error):
    def interrupted(plan, progress):
        raise error

    monkeypatch.setattr(cli, "run_plan", interrupted)
    result = call("run", "churn")
    assert result.exit_code == 130
    assert result.stderr.endswith("Interrupted.\n")
    assert "Aborted" not in result.output
