"""One table of exit codes for all commands: what docs/cli.md says of each error is what its class says."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import beam_actors
from beam_actors.errors import BeamError

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \|([^|]*)\|$", re.MULTILINE)
OF_THEMSELVES = {"CommandFailed", "DaemonFailed"}
"""Their exit codes are those that another process named."""


def every_error():
    for module in pkgutil.walk_packages(beam_actors.__path__, "beam_actors."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, left = [], [BeamError]
    while left:
        error = left.pop()
        found.append(error)
        left += error.__subclasses__()
    return [error for error in dict.fromkeys(found) if error.__module__.startswith("beam_actors.")]


ERRORS = every_error()


@pytest.fixture(scope="module")
def table():
    """Exit code -> the error codes that the documentation lists there."""
    _, _, text = DOCS.read_text().partition("| exit code | means | error codes |")
    rows = ROW.findall(text.partition("\n\n")[0])
    return {int(number): re.findall(r"`([a-z-]+)`", codes) for number, _, codes in rows}


def test_there_are_errors_of_every_room():
    assert len(ERRORS) > 60
    assert {"cli", "control", "ingress", "runtime", "tunnels", "world"} <= {
        error.__module__.split(".")[1] for error in ERRORS
    }


def test_the_documented_table_lists_every_code_that_is_no_plain_failure(table):
    assert table.keys() == {0, 1, 2, 3, 4, 5, 6, 130}
    for number, codes in table.items():
        expected = {error.code for error in ERRORS if error.exit_code == number}
        assert sorted(codes) == ([] if number == 1 else sorted(expected))


def test_one_code_has_one_exit_code():
    found = {(error.code, error.exit_code) for error in ERRORS if error.__name__ not in OF_THEMSELVES}
    assert len(found) == len({code for code, _ in found})


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_an_exit_code_of_the_table(table, error):
    assert error.exit_code in table.keys() - {0, 130}
