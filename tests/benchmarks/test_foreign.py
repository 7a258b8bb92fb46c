import sys

import pytest

from benchmarks import foreign
from benchmarks.foreign import available, foreign_forward

RELAY = """
import sys
role, argument = sys.argv[1:]
if argument == "13":
    sys.exit("no")
print("address of " + argument if role == "owner" else len(argument), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A stack whose relay is a script of ours under our interpreter."""
    (tmp_path / "json_forward.py").write_text(RELAY)
    monkeypatch.setattr(foreign, "RELAYS", tmp_path)
    monkeypatch.setattr(foreign, "PYTHONS", {"json": tmp_path / "python", "no_such_stack": tmp_path / "python"})
    (tmp_path / "python").symlink_to(sys.executable)
    return "json"


def test_a_stack_is_there_if_its_interpreter_finds_it(stack, tmp_path):
    assert available(stack)
    assert not available("no_such_stack")
    (tmp_path / "python").unlink()
    assert not available(stack)


def test_the_visitor_is_told_the_owners_address(stack):
    with foreign_forward(stack, 80) as port:
        assert port == len("address of 80")


def test_an_end_that_does_not_start_is_told(stack):
    with pytest.raises(RuntimeError, match="owner of json did not start"), foreign_forward(stack, 13):
        pass
