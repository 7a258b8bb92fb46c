"""What the contract (tests/ports/test_network_binding.py) can't cover: the kernel's own corners."""

import os
import resource
import socket
import stat
from pathlib import Path

import pytest

from beam_actors.errors import AddressInUse, ResourceExhausted
from beam_actors.values import UnixAddress
from tests.world.sockets import LOOPBACK, until


def in_the_folder(path: Path) -> str | None:
    """What is there: the mode of a socket, the text of a file, or nothing."""
    if not path.exists():
        return None
    status = path.stat()
    return oct(stat.S_IMODE(status.st_mode)) if stat.S_ISSOCK(status.st_mode) else path.read_text()


async def test_a_unix_listener_is_private_replaces_nothing_and_unlinks_only_its_own(
    driver, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "s"
    listener = driver.listen(UnixAddress("s"))
    assert in_the_folder(path) == "0o600"
    os.unlink(path)  # noqa: PTH108  # trio's lint knows blocking paths by their class
    other = driver.listen(UnixAddress("s"))
    listener.close()
    assert in_the_folder(path) == "0o600"  # it is the other one's now
    other.close()
    assert in_the_folder(path) is None
    os.symlink("elsewhere", path)  # noqa: PTH211  # as above
    with pytest.raises(AddressInUse):
        driver.listen(UnixAddress("s"))
    os.unlink(path)  # noqa: PTH108  # as above
    os.mkdir(path)  # noqa: PTH102  # as above
    with pytest.raises(AddressInUse):
        driver.listen(UnixAddress("s"))


async def test_running_out_of_descriptors(driver) -> None:
    listener = driver.listen(LOOPBACK)
    with socket.create_connection((listener.local.ip, listener.local.port)):
        await until(driver, listener, read=True)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        spare = os.dup(0)
        os.close(spare)
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
        try:
            with pytest.raises(ResourceExhausted):
                listener.accept()
            with pytest.raises(ResourceExhausted):
                driver.dial(listener.local)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert listener.accept() is not None
