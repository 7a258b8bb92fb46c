"""Tunnelled bytes are exactly the bytes sent: 1 GiB both ways at once, half-close, many streams, stalled readers."""

import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from simulations.soak import Say
from simulations.soak.app import BLOCK, hash_until_end, known_hash, send_all
from simulations.soak.pair import Pair, free_port, pair
from simulations.soak.recorder import Recorder

GIB = 1 << 30
STREAMS = 200
STALLED_BUDGET = 96 << 20
FILLING, STALLED = 6.0, 4.0
"""Seconds in which the kernel's buffers of those that do not read fill up, and in which nothing moves any more."""
HELD_UP = 0.1


@contextmanager
def app() -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """The soak's app: its port and process."""
    command = [sys.executable, "-m", "simulations.soak.app"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process
        finally:
            process.kill()


def connect(port: int, first: bytes) -> socket.socket:
    """A connection to the forwarded port that has said what it wants."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(first)
    return connection


def echo_once(port: int, size: int) -> float:
    """Send `size` bytes, half-close, and check that all come back before the clean end; the seconds it took."""
    start = time.monotonic()
    with connect(port, b"E") as connection:
        sender = threading.Thread(target=send_all, args=(connection, size))
        sender.start()
        got = hash_until_end(connection)
        sender.join()
    if got != (size, known_hash(size)):
        raise AssertionError(f"an echo of {size} bytes came back as {got}")
    return time.monotonic() - start


def gibibyte(link: Pair, process: "subprocess.Popen[str]", say: Say, size: int = GIB) -> None:
    """`size` bytes in both directions at once over one connection, hashed at both ends."""
    start = time.monotonic()
    with connect(link.port, b"S" + size.to_bytes(8, "big")) as connection:
        sender = threading.Thread(target=send_all, args=(connection, size))
        sender.start()
        down = hash_until_end(connection)
        sender.join()
    assert process.stdout is not None
    up = json.loads(process.stdout.readline())
    expected = known_hash(size)
    if down != (size, expected) or (up["bytes"], up["sha256"]) != (size, expected):
        raise AssertionError(f"the bytes differ: down {down}, up {up}")
    rate = size * 2 / 1e6 / (time.monotonic() - start)
    say(f"{size >> 20} MiB each way at once: equal hashes, {rate:.0f} MB/s in all")


def many_streams(link: Pair, say: Say, count: int = STREAMS) -> None:
    """`count` echoes at the same time, all held open until each has sent."""
    failures: list[BaseException] = []

    def one() -> None:
        try:
            echo_once(link.port, 300_000)
        except BaseException as error:  # noqa: BLE001 (reported below, from a thread)
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise AssertionError(f"{len(failures)} of {count} streams failed: {failures[0]!r}")
    say(f"{count} streams at once, half-close kept: all bytes came back")


def stalled_readers(link: Pair, say: Say, count: int = STREAMS) -> None:
    """`count` readers that never read cost bounded memory in each daemon, and an echo beside them is not held up."""
    before = {daemon.name: daemon.memory() for daemon in (link.owner, link.visitor)}
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(connect(link.port, b"Z"))
        start = time.monotonic()
        filling: list[float] = []
        stalled: list[float] = []
        while (passed := time.monotonic() - start) < FILLING + STALLED:
            (filling if passed < FILLING else stalled).append(echo_once(link.port, 100_000))
        for daemon in (link.owner, link.visitor):
            grown = daemon.memory() - before[daemon.name]
            say(f"{count} stalled readers: the {daemon.name} grew by {grown >> 20} MiB")
            if grown > STALLED_BUDGET:
                raise AssertionError(f"the {daemon.name} grew by {grown >> 20} MiB")
    say(
        f"an echo of 100 kB beside them: {statistics.median(stalled) * 1e3:.0f} ms at the median and "
        f"{max(stalled) * 1e3:.0f} at most; while their buffers filled {max(filling) * 1e3:.0f} ms at most"
    )
    if statistics.median(stalled) > HELD_UP or max(filling) > FILLING:
        raise AssertionError("stalled readers held up another stream")


def run(root: Path, say: Say) -> None:
    """All of it, with a recording proxy between the daemons for the first gibibyte."""
    with app() as (port, process):
        with pair(root / "plain", port) as link:
            gibibyte(link, process, say)
            many_streams(link, say)
            stalled_readers(link, say)
        with recorded(root / "recorded", port) as (link, recorder):
            gibibyte(link, process, say, 64 << 20)
            if recorder.found or recorder.bytes < (128 << 20):
                raise AssertionError(f"{recorder.found} matches of plaintext in {recorder.bytes} recorded bytes")
            say(f"a recording of {recorder.bytes >> 20} MiB between the daemons holds none of the plaintext")


@contextmanager
def recorded(root: Path, app_port: int) -> Iterator[tuple[Pair, Recorder]]:
    """A pair whose session runs through a recorder that looks for any 16 bytes of the known stream's block."""
    port = free_port()
    recorder = Recorder(port, BLOCK[:16])
    try:
        with pair(root, app_port, owner_port=port, via=recorder.port) as link:
            yield link, recorder
    finally:
        recorder.close()
