"""A daemon killed at each named point loses nothing that it acknowledged, and keeps no half of anything."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from beam_actors.world.files import POINTS as FILE_POINTS
from beam_actors.world.files import HomeFiles
from beam_actors.world.store import CHECKPOINT_POINTS, SqliteStore
from beam_actors.world.store import POINTS as STORE_POINTS

WRITER = Path(__file__).with_name("crashing_writer.py")
ONCE = {"store:before-close"}


async def entries(path):
    store = await SqliteStore.open(path)
    found = dict(await store.scan("t"))
    await store.close()
    return found


@pytest.mark.parametrize("point", [*STORE_POINTS, *CHECKPOINT_POINTS, *FILE_POINTS])
def test_kill_at(tmp_path, point):
    home = tmp_path / "home"
    count = 1 if point in ONCE else 3
    child = subprocess.run(
        [sys.executable, WRITER, home, point, str(count)], capture_output=True, timeout=50, check=False, text=True
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    acknowledged = [line.split() for line in child.stdout.splitlines()]
    assert acknowledged
    found = trio.run(entries, home / "store.db")
    for kind, *numbers in acknowledged:
        if kind == "commit":
            writer, number = numbers
            assert found[f"{writer}/{number}/0".encode()] == number.encode()
    halves = {key.rsplit(b"/", 1)[0] for key in found}
    assert set(found) == {key + half for key in halves for half in (b"/0", b"/1")}
    written = [int(numbers[0]) for kind, *numbers in acknowledged if kind == "file"]
    with HomeFiles(home) as files:
        last = written[-1] if written else -1
        acknowledged_content = b"%d" % last * 1000 if written else None
        assert files.read("seq") in {acknowledged_content, b"%d" % (last + 1) * 1000}
        files.write("seq", b"after")
        assert files.read("seq") == b"after"
