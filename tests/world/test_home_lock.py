import fcntl
import os
import shutil
import signal
import subprocess
import sys

import pytest

from beam_actors.errors import HomeInUse, StorageError
from beam_actors.world.home_lock import HomeLock, holder_of, is_locked

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


def test_a_look_sees_a_holder_and_leaves_the_lock_free(tmp_path):
    assert not is_locked(tmp_path)
    with HomeLock(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)
    HomeLock(tmp_path).release()


def test_two_looks_do_not_see_each_other(tmp_path):
    HomeLock(tmp_path).release()
    with (tmp_path / "lock").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not is_locked(tmp_path)


def test_no_lock_is_seen_behind_a_link(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with HomeLock(tmp_path / "a"):
        (tmp_path / "b" / "lock").symlink_to(tmp_path / "a" / "lock")
        assert not is_locked(tmp_path / "b")


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


def test_a_lock_is_lost_with_its_file(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with HomeLock(home) as lock:
        assert not lock.is_lost()
        home.rename(tmp_path / "moved")
        assert not lock.is_lost()
        shutil.rmtree(tmp_path / "moved")
        assert lock.is_lost()
    assert not lock.is_lost()


def test_who_holds_it(tmp_path):
    assert holder_of(tmp_path) is None
    with HomeLock(tmp_path):
        assert holder_of(tmp_path) == os.getpid()
        (tmp_path / "lock").write_bytes(b"evil")
        assert holder_of(tmp_path) is None
    assert holder_of(tmp_path) is None
