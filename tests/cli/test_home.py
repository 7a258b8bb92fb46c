import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from beam_actors.cli.home import MAX_SOCKET_BYTES, POINTER, Home, clear_stale_socket, find_home
from beam_actors.errors import DaemonNotRunning, HomeInUse, NotAllowed, StorageError, UsageError
from beam_actors.world.home_lock import HomeLock


def mode(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


@pytest.fixture
def fresh(tmp_path):
    return Home(tmp_path / "deep" / "home")


def test_the_option_wins_over_the_environment_and_that_over_the_platform(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_home("here", {"BEAM_HOME": "/else"}).path == tmp_path / "here"
    assert find_home(None, {"BEAM_HOME": "/else"}).path == Path("/else")
    assert find_home(None, {}).path.name == "beam-actors"


def test_a_new_home_is_private_whatever_the_umask(fresh):
    before = os.umask(0)
    try:
        fresh.prepare()
    finally:
        os.umask(before)
    assert mode(fresh.path) == 0o700
    fresh.prepare()


def test_an_empty_open_folder_is_made_private(tmp_path):
    tmp_path.chmod(0o755)
    Home(tmp_path).prepare()
    assert mode(tmp_path) == 0o700


def test_a_home_that_became_open_is_made_private_again(fresh):
    fresh.prepare()
    HomeLock(fresh.path).release()
    fresh.path.chmod(0o755)
    fresh.prepare()
    assert mode(fresh.path) == 0o700


def test_somebodys_open_folder_is_left_alone(tmp_path):
    (tmp_path / "letters").write_text("private")
    tmp_path.chmod(0o755)
    with pytest.raises(NotAllowed, match="other files"):
        Home(tmp_path).prepare()
    assert mode(tmp_path) == 0o755


def test_a_file_is_no_home(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        Home(tmp_path / "file").prepare()
    with pytest.raises(StorageError):
        Home(tmp_path / "file" / "below").prepare()


def test_a_home_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    with pytest.raises(NotAllowed, match="another user"):
        Home(tmp_path).prepare()


def test_in_use_is_the_lock(fresh):
    assert not fresh.in_use()
    fresh.prepare()
    with HomeLock(fresh.path):
        assert fresh.in_use()
        with pytest.raises(HomeInUse, match="already"):
            fresh.check_free()
    assert not fresh.in_use()


def test_a_socket_path_is_short_stable_and_of_one_home(tmp_path):
    environment = {"XDG_RUNTIME_DIR": "/nowhere"}
    long = Home(tmp_path / ("x" * 200) / ("y" * 200))
    path = long.choose_socket(environment)
    assert len(os.fsencode(path)) <= MAX_SOCKET_BYTES
    assert path == long.choose_socket(environment)
    assert path != Home(tmp_path / "other").choose_socket(environment)
    assert mode(Path(path).parent) == 0o700


def test_a_private_runtime_folder_is_used(tmp_path, monkeypatch):
    runtime = Path(os.path.realpath("/tmp")) / f"bt-{os.getpid()}"
    runtime.mkdir(mode=0o700)
    try:
        path = Path(Home(tmp_path).choose_socket({"XDG_RUNTIME_DIR": str(runtime)}))
        assert path.parent == runtime / "beam"
        assert mode(path.parent) == 0o700
        path.parent.rmdir()
        runtime.chmod(0o777)
        assert runtime not in Path(Home(tmp_path).choose_socket({"XDG_RUNTIME_DIR": str(runtime)})).parents
    finally:
        runtime.rmdir()


@pytest.fixture(params=["a folder", "a link"])
def squatted(request, monkeypatch, tmp_path):
    """The usual runtime folder, made by somebody else."""
    owner = os.getuid() + 4711
    folder = Path(f"/tmp/beam-{owner}")
    monkeypatch.setattr(os, "getuid", lambda: owner)  # so the folder, made by the real user, is somebody else's
    if request.param == "a folder":
        folder.mkdir()
    else:
        folder.symlink_to(tmp_path)
    yield folder
    if folder.is_symlink():
        folder.unlink()
    else:
        folder.rmdir()


def test_in_place_of_a_squatted_runtime_folder_the_home_itself_serves(squatted):
    path = Path(Home(Path("/short/home")).choose_socket({}))
    assert path.parent == Path("/short/home")
    assert Home(Path("/short/home")).sockets_without_pointer({}) == []


def test_a_squatted_runtime_folder_is_refused_when_the_homes_path_is_long(squatted, tmp_path):
    with pytest.raises(NotAllowed, match=f"{squatted} .*set XDG_RUNTIME_DIR"):
        Home(tmp_path / ("x" * 100)).choose_socket({})


def test_the_socket_of_a_home_that_was_removed_is_found(tmp_path):
    home = Home(tmp_path / "removed")
    path = home.choose_socket({})
    assert home.sockets_without_pointer({}) == []
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(path)
        try:
            assert home.sockets_without_pointer({}) == [path]
        finally:
            Path(path).unlink()


@pytest.mark.parametrize("content", [None, "", "relative.sock", "/x/" + "y" * 200, "/does/not/exist/x.sock", "\xff"])
def test_without_a_good_pointer_no_daemon_runs(fresh, content):
    fresh.prepare()
    if content is not None:
        fresh.file(POINTER).write_bytes(content.encode("latin-1"))
    with pytest.raises(DaemonNotRunning):
        fresh.socket_path()


def test_a_pointer_into_somebody_elses_folder_is_refused(fresh, monkeypatch):
    fresh.prepare()
    fresh.file(POINTER).write_text(f"{fresh.path}/c.sock\n")
    assert fresh.socket_path() == f"{fresh.path}/c.sock"
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    with pytest.raises(NotAllowed):
        fresh.socket_path()


def test_a_stale_socket_is_taken_over(tmp_path):
    path = str(tmp_path / "s")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.close()
    clear_stale_socket(path)
    assert not Path(path).exists()
    clear_stale_socket(path)


def test_a_living_socket_is_left_alone(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(path)
        living.listen()
        with pytest.raises(HomeInUse, match=rf"(?s)Process {os.getpid()} .*`kill {os.getpid()}`"):
            clear_stale_socket(path, patience=0)
        assert Path(path).exists()


def test_a_daemon_that_ends_meanwhile_is_waited_for(tmp_path):
    path = str(tmp_path / "s")
    living = socket.socket(socket.AF_UNIX)
    living.bind(path)
    living.listen()
    closer = threading.Timer(0.1, living.close)
    closer.start()
    clear_stale_socket(path, patience=30)
    closer.join()
    assert not Path(path).exists()


def test_something_else_at_the_sockets_place_is_left_alone(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(StorageError):
        clear_stale_socket(str(path))
    assert path.read_text() == "precious"
