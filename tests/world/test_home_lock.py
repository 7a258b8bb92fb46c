import os
import signal
import subprocess
import sys

import pytest

from beam_actors.errors import HomeInUse, StorageError
from beam_actors.world.home_lock import HomeLock

HOLDER = """
import signal, sys
from beam_actors.world.home_lock import HomeLock
lock = HomeLock(sys.argv[1])
print("held", flush=True)
signal.pause()
"""


def test_one_holder_at_a_time(tmp_path):
    with HomeLock(tmp_path) as lock:
        with pytest.raises(HomeInUse, match=f"process {os.getpid()}"):
            HomeLock(tmp_path)
        assert "held" in repr(lock)
    lock.release()
    HomeLock(tmp_path).release()


def test_another_process_is_named_and_its_death_frees_the_home(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(HomeInUse, match=f"process {child.pid}"):
            HomeLock(tmp_path)
        child.send_signal(signal.SIGKILL)
        child.wait()
    HomeLock(tmp_path).release()


def test_a_lock_that_is_a_link_or_has_odd_content(tmp_path):
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError):
        HomeLock(tmp_path)
    (tmp_path / "lock").unlink()
    with HomeLock(tmp_path):
        (tmp_path / "lock").write_bytes(b"\xff\x1b[31m evil")
        with pytest.raises(HomeInUse, match="not known yet"):
            HomeLock(tmp_path)
