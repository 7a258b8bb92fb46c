"""What the first argument may be: a command, a target, or a slip of the finger."""

import pytest

from beam_actors import __version__


@pytest.mark.parametrize(
    ("typed", "meant"), [("statu", "did you mean 'status'? "), ("regster", "did you mean 'register'? "), ("zzz", "")]
)
def test_a_command_that_is_none_is_told_with_what_was_meant(beam, typed, meant):
    done = beam(typed)
    assert done.exit_code == 2
    assert f"Beam {__version__} has no command '{typed}'; {meant}`beam --help` lists them." in done.err


def test_help_lists_every_command_in_its_section(beam):
    done = beam("--help")
    assert done.exit_code == 0
    for command in ("expose", "register", "connect", "tree", "start"):
        assert f"  {command} " in done.out
