"""The contract of the files port, held by the real home and the simulated one."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue, StorageError
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.files import SimFiles
from beam_actors.world.files import POINTS, HomeFiles


@pytest.fixture(params=["real", "simulated"])
def make(request, tmp_path):
    opened = []

    def make(**options):
        files = (
            HomeFiles(tmp_path / "home", **options) if request.param == "real" else SimFiles(MemoryDisk(), **options)
        )
        opened.append(files)
        return files

    yield make
    for files in opened:
        if isinstance(files, HomeFiles):
            files.close()


def test_write_read_replace_remove(make):
    files = make()
    assert files.read("keys") is None
    files.write("keys", b"one")
    assert files.read("keys") == b"one"
    files.write("keys", b"")
    assert files.read("keys") == b""
    files.write("other", b"x" * 100_000)
    assert files.read("other", limit=100_000) == b"x" * 100_000
    files.remove("keys")
    files.remove("keys")
    assert files.read("keys") is None
    assert files.path("keys").endswith("/keys")


def test_a_file_beyond_the_limit_is_refused(make):
    files = make()
    files.write("keys", b"12345")
    with pytest.raises(StorageError, match="longer than 4 bytes"):
        files.read("keys", limit=4)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", ".hidden", "a\0b", "a" * 101, "a b", "ä", "a\n"])
def test_only_plain_names(make, name):
    files = make()
    for call in (files.read, files.remove, files.path, lambda name: files.write(name, b"")):
        with pytest.raises(InvalidValue):
            call(name)


def test_points_pass_in_order(make):
    passed = []
    files = make(on_point=passed.append)
    files.write("keys", b"one")
    assert tuple(passed) == POINTS


@pytest.mark.parametrize("point", POINTS)
def test_a_write_that_is_interrupted_leaves_old_or_new(make, point):
    class Stop(Exception):
        pass

    def stop(passed):
        if armed and passed == point:
            raise Stop

    armed = False
    files = make(on_point=stop)
    files.write("keys", b"old")
    armed = True
    with pytest.raises(Stop):
        files.write("keys", b"new")
    expected = b"new" if point in {"files:before-folder-fsync", "files:done"} else b"old"
    assert files.read("keys") == expected
    armed = False
    files.write("keys", b"newest")
    assert files.read("keys") == b"newest"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.none() | st.binary(max_size=8)), max_size=8))
def test_it_behaves_as_a_dict(make, script):
    files = make()
    model = {}
    for name in "abc":
        files.remove(name)
    for name, content in script:
        if content is None:
            files.remove(name)
            model.pop(name, None)
        else:
            files.write(name, content)
            model[name] = content
        assert {name: files.read(name) for name in "abc"} == {name: model.get(name) for name in "abc"}
