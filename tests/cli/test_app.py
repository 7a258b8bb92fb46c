"""What the first argument may be: a command, a target, or a slip of the finger."""

import shlex
import subprocess
import sys

import pytest

from beam_actors import __version__
from beam_actors.cli.commands import COMMANDS


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("statu", "`beam status`"),
        ("regster 'a b'", "`beam register 'a b'`"),
        ("unregister a", "`beam release a`"),
        ("help register", "`beam register --help`"),
        ("REGISTER x", "`beam register x`"),
        ("reg x", "`beam register x`"),
        ("pinn x", "`beam pin x`"),
        ("pi x", "`beam pin` or `beam ping`"),
        ("rotate", "`beam rotate-key`"),
        ("help", "`beam --help`"),
        ("ls", "`beam tunnels` or `beam names` or `beam forwards` or `beam peers`"),
        ("regster 'a`b'", "`beam register`"),
    ],
)
def test_a_command_that_is_none_is_told_with_what_was_meant(beam, typed, meant):
    words = shlex.split(typed)
    done = beam(*words)
    assert done.exit_code == 2
    assert f"Beam {__version__} has no command '{words[0]}': did you mean {meant}? `beam --help` lists" in done.err
    with_home = beam("--home", "/h", *words).err
    assert f"did you mean {meant.replace('`beam ', '`beam --home /h ')}?" in with_home or typed == "help"


@pytest.mark.parametrize("typed", ["zzz", "3000x", "localhost", "x", "lissten"])
def test_what_is_near_no_command_is_told_with_all_that_there_are(beam, typed):
    done = beam(typed, "x")
    assert done.exit_code == 2
    assert "did you mean" not in done.err
    assert f"no command '{typed}': there are expose, unexpose, tunnels, " in done.err
    assert "such as `beam 3000`" in done.err


@pytest.mark.parametrize("typed", ["--name x 3000", "--name=x 3000", "--allow everyone 3000", "--port 22 22"])
def test_an_option_of_a_target_before_it_is_told_where_it_belongs(beam, typed):
    option = typed.split("=")[0].split()[0]
    done = beam(*typed.split())
    assert done.exit_code == 2
    assert f"{option} belongs after the port: `beam 3000 {option} " in done.err
    assert "--home" not in done.err.partition("Error:")[2]
    assert "Did you mean '--json'?" in beam("--jsn", "3000").err


def test_help_lists_every_command_in_its_section(beam):
    done = beam("--help")
    assert done.exit_code == 0
    for command in ("expose", "register", "connect", "tree", "start"):
        assert f"  {command} " in done.out


# --- the table of commands ---

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
