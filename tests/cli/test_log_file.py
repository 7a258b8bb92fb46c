import errno
import json
import os

import pytest
import structlog

from beam_actors.cli.log_file import LogFile, configure_logging, without_secrets
from beam_actors.errors import StorageError

SECRET = "correct-horse-battery"


class FixedClock:
    def wall(self):
        return 1_750_000_000.5

    def monotonic(self):
        return 0.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "beam.log"


@pytest.fixture
def logging(path):
    file = LogFile(path)
    configure_logging(file, FixedClock())
    yield
    structlog.reset_defaults()
    file.close()


def test_a_line_is_an_object_with_time_and_level(path, logging):
    structlog.get_logger().info("ready", port=4747)
    assert json.loads(path.read_text()) == {
        "event": "ready",
        "level": "info",
        "port": 4747,
        "timestamp": "2025-06-15T15:06:40.500+00:00",
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_secrets_and_raw_bytes_are_never_written(path, logging):
    log = structlog.get_logger()
    log.info("x", passphrase=SECRET, recovery_phrase=SECRET, device_seed=SECRET, key_bytes=SECRET.encode())
    log.info("y", nested={"key": SECRET.encode()}, listed=[SECRET.encode()])
    text = path.read_text()
    assert SECRET not in text
    assert "(hidden)" in text
    assert "(21 bytes)" in text


def test_a_crash_is_written_with_its_traceback(path, logging):
    try:
        1 / len(SECRET[:0])
    except ZeroDivisionError as error:
        structlog.get_logger().error("an actor crashed", exc_info=error)
    record = json.loads(path.read_text())
    assert "ZeroDivisionError: division by zero" in record["exception"]
    assert "test_log_file" in record["exception"]


def test_debug_is_left_out(path, logging):
    structlog.get_logger().debug("noise")
    assert path.read_text() == ""


def test_two_files_bound_what_the_log_takes(path):
    file = LogFile(path, limit=1000)
    for number in range(200):
        file.msg(f"line {number:03} " + "x" * 40)
    file.close()
    old = path.with_name("beam.log.1")
    assert path.stat().st_size <= 1000
    assert old.stat().st_size <= 1000
    assert path.read_text().splitlines()[-1].startswith("line 199")
    first = int(path.read_text().split()[1])
    assert old.read_text().splitlines()[-1].startswith(f"line {first - 1:03}")


def test_a_restart_appends(path):
    for text in ("one", "two"):
        file = LogFile(path)
        file.msg(text)
        file.close()
    assert path.read_text() == "one\ntwo\n"


def test_a_long_line_is_cut(path):
    file = LogFile(path)
    file.msg("x" * 100_000)
    file.close()
    assert path.stat().st_size == 16 * 1024 + 1


def test_a_link_at_the_logs_place_is_refused(path, tmp_path):
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match=r"beam\.log is a symbolic link"):
        LogFile(path)


def test_a_folder_at_the_logs_place_is_refused(path):
    path.mkdir()
    with pytest.raises(StorageError, match=r"beam\.log is not a regular file: move it aside"):
        LogFile(path)


@pytest.mark.parametrize("read_by", ["nobody", "somebody"])
def test_a_fifo_at_the_logs_place_is_refused_at_once(path, read_by):
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if read_by == "somebody" else None
    try:
        with pytest.raises(StorageError, match="not a regular file"):
            LogFile(path)
    finally:
        if reader is not None:
            os.close(reader)


class Unopenable(LogFile):
    """A log whose files can't be opened while `broken`."""

    broken = False

    def _open(self, *arguments):
        if self.broken:
            raise OSError(errno.EMFILE, "Too many open files")
        return super()._open(*arguments)


def test_a_rotation_that_fails_loses_no_line_and_no_descriptor(path):
    file = Unopenable(path, limit=1000)
    descriptor = file._descriptor
    for number in range(12):
        file.broken = number >= 8
        file.msg(f"line {number:03} " + "x" * 100)
    assert path.read_text().splitlines()[-1].startswith("line 011")
    assert not path.with_name("beam.log.1").exists()
    file.broken = False
    file.msg("line 012")
    assert path.read_text() == "line 012\n"
    assert path.with_name("beam.log.1").read_text().splitlines()[-1].startswith("line 011")
    assert (file._descriptor, os.fstat(descriptor).st_ino) == (descriptor, path.stat().st_ino)
    assert not os.get_inheritable(descriptor)
    file.close()


def test_a_rotation_that_fails_for_long_is_bounded(path):
    file = Unopenable(path, limit=1000)
    file.broken = False
    file.msg("begins")
    file.broken = True
    for _ in range(200):
        file.msg("x" * 100)
    file.close()
    assert path.stat().st_size <= 2000


def test_what_an_interrupted_rotation_left_is_no_obstacle(path):
    path.with_name("beam.log.new").write_text("left over")
    file = LogFile(path, limit=1000)
    for _ in range(12):
        file.msg("x" * 100)
    file.close()
    assert "left over" not in path.read_text()
    assert sorted(found.name for found in path.parent.iterdir()) == ["beam.log", "beam.log.1"]


def test_a_log_that_somebody_removed_is_back_after_a_rotation(path):
    file = LogFile(path, limit=1000)
    path.unlink()
    for _ in range(12):
        file.msg("x" * 100)
    file.close()
    assert 0 < path.stat().st_size <= 1000


def test_a_log_that_is_closed_closes_nothing_twice(path):
    file = LogFile(path)
    file.close()
    other = os.open(path, os.O_RDONLY)
    file.close()
    file.msg("nobody hears it")
    os.fstat(other)
    os.close(other)
    assert path.read_text() == ""


def test_the_event_itself_is_never_hidden():
    assert without_secrets(None, "", {"event": "the seed was used"}) == {"event": "the seed was used"}
