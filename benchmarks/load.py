"""The load generator, a process of its own: `python -m benchmarks.load LOAD` prints the figures of one load as JSON.

Every load runs for a time, not for an amount, so that a slow contestant takes no longer than a fast one; what happens
before all connections have carried something counts as warming up. Bytes are counted where they arrive. Afterwards it
waits until the target has seen all of its connections end, so that nothing of one load is left beside the next.
"""

import json
import select
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import attrs

from benchmarks.target import BULK_REQUEST, CHUNK, END, SINK_REQUEST, SMALL

WARM_UP = 0.2
"""Seconds in which windows grow."""
PATIENCE = 30.0
"""Seconds without any progress after which a load has failed."""
DRAIN = 15.0
"""Seconds until the target has seen every connection end: some tunnels hold megabytes that they carry slowly."""
Figures = dict[str, float]


class Stuck(ConnectionError):
    """The tunnel ended a connection, or nothing came through it any more."""


@attrs.frozen(slots=True, kw_only=True)
class Load:
    """What to do: `role` over `connections` at once through `port` for `seconds`; `target` is the way without a tunnel.

    With `ca` (a file of root certificates) the way to the tunnel is HTTPS to `host`.
    """

    role: str
    port: int
    target: int
    seconds: float
    connections: int = 1
    host: str = "bench"
    ca: str = ""

    @property
    def request(self) -> bytes:
        """One small request."""
        return f"GET / HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode()

    def connect(self) -> socket.socket:
        """A blocking connection into the tunnel."""
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _verifying(self.ca).wrap_socket(raw, server_hostname=self.host) if self.ca else raw


_CONTEXTS: dict[str, ssl.SSLContext] = {}


def _verifying(ca: str) -> ssl.SSLContext:
    if ca not in _CONTEXTS:
        _CONTEXTS[ca] = ssl.create_default_context(cafile=ca)
    return _CONTEXTS[ca]


class State:
    """What the target says of itself, asked on a connection without a tunnel."""

    def __init__(self, port: int) -> None:
        self._raw = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._lines = self._raw.makefile("rb")
        self.before = self.ask()["open"]

    def ask(self) -> Figures:
        """Bytes that were sunk, when (by the machine's monotonic clock), and the number of open connections."""
        self._raw.sendall(b"GET /state HTTP/1.1\r\nHost: bench" + END)
        answer: Figures = json.loads(self._lines.readline())
        return answer

    def close(self) -> None:
        self._lines.close()
        self._raw.close()

    def drained(self) -> bool:
        """Wait until no more connections are open than before; whether that came about in time."""
        deadline = time.perf_counter() + DRAIN
        while self.ask()["open"] > self.before:
            if time.perf_counter() > deadline:
                return False
            time.sleep(0.005)
        return True


class Watched:
    """Non-blocking connections by file descriptor, and the wait for what is ready among them (epoll: Linux)."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.connections: dict[int, Connection] = {}

    def add(self, raw: socket.socket, events: int = select.EPOLLIN) -> "Connection":
        raw.setblocking(False)
        self._epoll.register(raw, events)
        connection = self.connections[raw.fileno()] = Connection(raw)
        return connection

    def read(self, number: int) -> None:
        """Wait for what comes from now on."""
        self._epoll.modify(number, select.EPOLLIN)

    def drop(self, number: int) -> None:
        self._epoll.unregister(number)
        self.connections.pop(number).raw.close()

    def ready(self) -> list[tuple[int, int]]:
        """What is ready, once something is; raises `Stuck` if nothing is for too long."""
        found = self._epoll.poll(PATIENCE)
        if not found:
            raise Stuck(f"nothing came through in {PATIENCE:g} s")
        return found

    def close(self, *, reset: bool = False) -> None:
        """End all of them, with a reset if what they have sent is to be dropped."""
        for connection in self.connections.values():
            if reset:
                connection.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.raw.close()
        self._epoll.close()


class Connection:
    """A socket, when its request left, and how much of the answer is there."""

    __slots__ = ("got", "raw", "since")

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self.since = 0.0
        self.got = 0

    def answered(self) -> bool:
        """Read what came: whether the answer is whole now; raises `Stuck` if it is not the target's."""
        try:
            size = len(self.raw.recv(1 << 14))
        except ssl.SSLWantReadError:  # a session ticket, or a part of a record
            return False
        self.got += size
        if not size or self.got > len(SMALL):
            raise Stuck("an answer is not the target's")
        return self.got == len(SMALL)


Batch = list[tuple[int, float]]
"""Connections that have carried something, each with how much, or how long it took."""


def within(load: Load, batches: Iterator[Batch], silent: set[int]) -> tuple[list[float], float]:
    """Warm up until no connection is silent, then collect what is carried in the load's time; and how long that was."""
    warm = time.perf_counter() + WARM_UP
    while silent or time.perf_counter() < warm:
        silent.difference_update([number for number, _ in next(batches)])
    found: list[float] = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < load.seconds:
        found += [value for _, value in next(batches)]
    if not found:
        raise Stuck("nothing came through in time")
    return found, time.perf_counter() - begin


def bulk_down(load: Load, _state: State, watched: Watched) -> Figures:
    """Download over each connection: MB/s that arrive in all."""

    def batches() -> Iterator[Batch]:
        buffer = bytearray(1 << 20)
        while True:
            batch: Batch = [
                (number, watched.connections[number].raw.recv_into(buffer)) for number, _events in watched.ready()
            ]
            if not all(size for _, size in batch):
                raise Stuck("a download ended")
            yield batch

    for _ in range(load.connections):
        watched.add(load.connect()).raw.sendall(BULK_REQUEST)
    sizes, seconds = within(load, batches(), set(watched.connections))
    return {"mb_per_s": sum(sizes) / 1e6 / seconds}


def bulk_up(load: Load, state: State, watched: Watched) -> Figures:
    """Upload over each connection: MB/s that the target takes in all."""

    def send_until(due: float) -> Figures:
        while True:
            for number, _events in watched.ready():
                watched.connections[number].raw.send(CHUNK)
            if time.perf_counter() >= due:
                return state.ask()

    opened = state.ask()["sunk"]
    for _ in range(load.connections):
        watched.add(load.connect(), select.EPOLLOUT).raw.sendall(SINK_REQUEST)
    before = send_until(time.perf_counter() + WARM_UP)
    given_up = time.perf_counter() + PATIENCE
    while before["sunk"] == opened:
        if time.perf_counter() > given_up:
            raise Stuck("nothing arrived of an upload")
        before = send_until(time.perf_counter() + WARM_UP)
    after = send_until(time.perf_counter() + load.seconds)
    return {"mb_per_s": (after["sunk"] - before["sunk"]) / 1e6 / (after["at"] - before["at"])}


def requests(load: Load, _state: State, watched: Watched) -> Figures:
    """Small requests over kept-alive connections, one at a time on each: how many a second, and how long they take."""

    def batches() -> Iterator[Batch]:
        connections, request = watched.connections, load.request
        while True:
            batch = []
            for number, _events in watched.ready():
                connection = connections[number]
                if connection.answered():
                    now = time.perf_counter()
                    batch.append((number, now - connection.since))
                    connection.since, connection.got = now, 0
                    connection.raw.sendall(request)
            yield batch

    for _ in range(load.connections):
        watched.add(load.connect())
    for connection in watched.connections.values():
        connection.raw.sendall(load.request)
    latencies, seconds = within(load, batches(), set(watched.connections))
    latencies.sort()
    return {
        "per_s": len(latencies) / seconds,
        "p50_us": latencies[len(latencies) // 2] * 1e6,
        "p99_us": latencies[int(len(latencies) * 0.99)] * 1e6,
    }


def connects(load: Load, _state: State, watched: Watched) -> Figures:
    """New connections, so many at a time, each for one request: how many a second."""

    def dial() -> None:
        raw = socket.socket()
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.connect_ex(("127.0.0.1", load.port))
        watched.add(raw, select.EPOLLOUT)

    def batches() -> Iterator[Batch]:
        request = load.request
        while True:
            batch: Batch = []
            for number, events in watched.ready():
                connection = watched.connections[number]
                if events & select.EPOLLOUT:
                    connection.raw.send(request)
                    watched.read(number)
                elif connection.answered():
                    batch.append((number, 1.0))
                    watched.drop(number)
                    dial()
            yield batch

    for _ in range(load.connections):
        dial()
    done, seconds = within(load, batches(), set())
    return {"per_s": sum(done) / seconds}


ROLES: dict[str, Callable[[Load, State, Watched], Figures]] = {
    "bulk down": bulk_down,
    "bulk up": bulk_up,
    "requests": requests,
    "connects": connects,
}


def perform(load: Load) -> Figures:
    """Do it here; `drained` in the figures is 0 if the target still saw connections of it afterwards."""
    with closing(State(load.target)) as state:
        watched = Watched()
        try:
            figures = ROLES[load.role](load, state, watched)
        finally:
            watched.close(reset=load.role.startswith("bulk"))
        return {**figures, "drained": float(state.drained())}


def command(load: Load) -> list[str]:
    """The command line that does it in a process of its own."""
    return [sys.executable, "-m", "benchmarks.load", json.dumps(attrs.asdict(load))]


def run(load: Load) -> Figures:
    """Do it in a process of its own; raises `Stuck` with the reason if it failed."""
    limit = 2 * PATIENCE + load.seconds
    try:
        done = subprocess.run(command(load), capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise Stuck(f"not done within {limit:g} s") from error
    if done.returncode:
        raise Stuck((done.stderr.strip() or "ended without a word").splitlines()[-1])
    figures: Figures = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    print(json.dumps(perform(Load(**json.loads(sys.argv[1])))))
