"""`beam --help` and the commands that only ask must feel instant: what they import is held here, not their time."""

import os
import subprocess
import sys

import pytest

HEAVY = {"trio", "pykka", "structlog", "cryptography", "nacl", "rich", "cbor2", "dnslib", "mnemonic", "asyncio", "ssl"}
PROGRAM = """
import sys
from beam_actors.cli import main
try:
    code = main(sys.argv[1:])
finally:
    print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""


def imported(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, **environment},
    )
    return done.returncode, set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["expose", "--help"], ["start", "--help"]])
def test_help_is_light(arguments):
    code, modules = imported(*arguments)
    assert code == 0
    assert not modules & HEAVY
    assert "h11" not in modules


@pytest.mark.parametrize(
    "arguments", [["status"], ["status", "--json"], ["tree"], ["tree", "node/control"], ["peers"], ["names"]]
)
def test_asking_is_light(daemon, home, arguments):
    code, modules = imported(*arguments, BEAM_HOME=str(home.path))
    assert code == 0
    assert not modules & HEAVY


def test_asking_without_a_daemon_is_light(home):
    code, modules = imported("status", BEAM_HOME=str(home.path))
    assert code == 3
    assert not modules & HEAVY
