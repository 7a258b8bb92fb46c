import os
import resource

import pytest

from beam_actors.errors import StorageError
from beam_actors.world.files import POINTS, HomeFiles


@pytest.fixture
def files(tmp_path):
    with HomeFiles(tmp_path / "deep" / "home") as files:
        yield files


def test_modes_are_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        with HomeFiles(tmp_path / "home") as files:
            files.write("keys", b"x")
            assert files.home.stat().st_mode & 0o777 == 0o700
            assert (files.home / "keys").stat().st_mode & 0o777 == 0o600
            os.umask(0o777)
            files.write("other", b"x")
            assert files.read("other") == b"x"
    finally:
        os.umask(before)


def test_a_home_that_is_not_private_is_refused(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    for mode in (0o755, 0o770, 0o701):
        home.chmod(mode)
        with pytest.raises(StorageError, match="chmod 700"):
            HomeFiles(home)
    (tmp_path / "link").symlink_to(home)
    with pytest.raises(StorageError, match="symbolic link"):
        HomeFiles(tmp_path / "link")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be used"):
        HomeFiles(tmp_path / "file")


def test_what_others_could_have_put_there_is_refused(files, tmp_path):
    (tmp_path / "target").write_bytes(b"theirs")
    (files.home / "link").symlink_to(tmp_path / "target")
    with pytest.raises(StorageError, match="symbolic link"):
        files.read("link")
    files.write("link", b"mine")
    assert files.read("link") == b"mine"
    assert (tmp_path / "target").read_bytes() == b"theirs"
    os.mkfifo(files.home / "fifo", 0o600)
    (files.home / "folder").mkdir(mode=0o700)
    for name in ("fifo", "folder"):
        with pytest.raises(StorageError, match="regular file"):
            files.read(name)
    (files.home / "link").chmod(0o640)
    with pytest.raises(StorageError, match="chmod 600"):
        files.read("link")


def test_a_leftover_of_a_crash_or_a_trap_is_replaced(files, tmp_path):
    (tmp_path / "target").write_bytes(b"theirs")
    (files.home / ".keys.part").symlink_to(tmp_path / "target")
    files.write("keys", b"new")
    assert files.read("keys") == b"new"
    assert (tmp_path / "target").read_bytes() == b"theirs"
    assert sorted(path.name for path in files.home.iterdir()) == ["keys"]


@pytest.mark.parametrize("at", POINTS[:3])
def test_a_disk_that_refuses_a_step_leaves_what_was_there(tmp_path, at):
    def refuse(point):
        if point == at:
            raise OSError(28, "No space left on device")

    with HomeFiles(tmp_path / "home") as files:
        files.write("keys", b"old")
    with HomeFiles(tmp_path / "home", on_point=refuse) as files:
        with pytest.raises(StorageError, match="No space left"):
            files.write("keys", b"new")
        assert files.read("keys") == b"old"


def test_a_disk_that_takes_only_a_part_leaves_what_was_there(files):
    files.write("keys", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(StorageError, match="too large"):
            files.write("keys", bytes(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files.read("keys") == b"old"


def test_closed_files_refuse(tmp_path):
    files = HomeFiles(tmp_path / "home")
    files.close()
    files.close()
    with pytest.raises(StorageError):
        files.read("keys")
