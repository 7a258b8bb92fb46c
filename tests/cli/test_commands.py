import subprocess
import sys

import pytest

from beam_actors.cli.commands import COMMANDS

HELP = """
import sys
from beam_actors.cli.app import run
code = run(["--help"])
print(sorted(name for name in sys.modules if name.startswith("beam_actors.")), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("word", COMMANDS)
def test_each_entry_leads_to_the_command_of_that_name(word):
    assert COMMANDS[word].load().name == word


def test_help_imports_no_command():
    run = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert all(f"  {word}" in run.stdout for word in COMMANDS if word != "share")
    imported = run.stderr
    assert "beam_actors.cli.app" in imported
    assert not [entry.module for entry in COMMANDS.values() if entry.module in imported]
    assert "beam_actors.cli.context" not in imported
