"""A blocking driver for `Session` over a TCP socket, enough to be a peer in tests: it echoes, opens, pings."""

import contextlib
import os
import socket
import threading
import time
from collections import defaultdict, deque

from beam_actors.identity import PeerKey
from beam_actors.values import Multiaddr
from beam_actors.wire import (
    Established,
    Event,
    IdentifyInfo,
    Role,
    Session,
    SessionEnded,
    StreamData,
    StreamFinished,
    StreamOpened,
    StreamRefused,
    StreamReset,
)

ECHO = "/beam/echo/1"
PING = "/ipfs/ping/1.0.0"
DEADLINE = 30.0


class Driver:
    """One session over one socket. Streams that the peer opens are echoed; all other events are kept."""

    def __init__(self, sock: socket.socket, role: Role, key: PeerKey, *, expected=None) -> None:
        self.sock = sock
        self.session = Session(
            role,
            key=key,
            static_seed=os.urandom(32),
            ephemeral_seed=os.urandom(32),
            expected=expected,
            protocols=ECHO.__eq__,
            info=IdentifyInfo(agent="beam-test", protocols=(ECHO, PING)),
        )
        self.seen: list[Event] = []
        self.received: defaultdict[int, bytearray] = defaultdict(bytearray)
        self._echoes: dict[int, deque[bytes]] = {}
        self._finishing: set[int] = set()
        self._unsent = b""
        self._buffer = bytearray(1 << 18)
        sock.settimeout(0.05)

    def wait(self, kind, *, stream: int | None = None):
        """Drive the session until an event of the kind was seen, and return it."""

        def found():
            return next(
                (e for e in self.seen if isinstance(e, kind) and stream in {None, getattr(e, "stream", None)}), None
            )

        self.drive(lambda: found() is not None or self.session.ended)
        assert found() is not None, f"{kind.__name__} did not come: {self.seen}"
        return found()

    def drive(self, until) -> None:
        deadline = time.monotonic() + DEADLINE
        while not until():
            assert time.monotonic() < deadline, f"nothing came of it: {self.session} {self.seen[-5:]}"
            self.step()

    def step(self) -> None:
        self.flush()
        try:
            size = self.sock.recv_into(self._buffer)
        except TimeoutError:
            return
        except ConnectionError:
            size = 0
        view = memoryview(self._buffer)[:size]
        self._handle(self.session.receive(view) if size else self.session.receive_eof())
        self.flush()

    def flush(self) -> None:
        while True:
            for stream in list(self._echoes):
                self._pass_on(stream)
            self._unsent = self._unsent or self.session.data_to_send()
            self._handle(self.session.take_events())
            if not self._unsent:
                return
            try:
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
            except TimeoutError:
                return
            except ConnectionError:
                self._unsent = b""
                return

    def echo(self, data: bytes) -> bytes:
        """Send `data` on a new echo stream; read as much while sending (a counted protocol: no half-close)."""
        stream = self.session.open(ECHO)
        return self.exchange(stream, data)

    def exchange(self, stream: int, data: bytes) -> bytes:
        sent = 0
        while len(self.received[stream]) < len(data):
            gone = any(isinstance(e, StreamReset | StreamRefused) and e.stream == stream for e in self.seen)
            assert not gone, self.seen
            assert not self.session.ended, self.seen
            while sent < len(data) and (taken := self.session.send(stream, data[sent : sent + 65536])):
                sent += taken
            self.step()
        self.session.finish(stream)
        self.flush()
        return bytes(self.received[stream])

    def close(self) -> None:
        self.session.close()
        with contextlib.suppress(OSError):
            self.flush()
        self.sock.close()

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case StreamOpened(stream):
                    self._echoes[stream] = deque()
                    self.seen.append(event)
                case StreamData(stream, data) if stream in self._echoes:
                    self._echoes[stream].append(bytes(data))
                case StreamData(stream, data):
                    self.received[stream] += data
                    self.session.consumed(stream, len(data))
                case StreamFinished(stream) if stream in self._echoes:
                    self._finishing.add(stream)
                case StreamReset(stream) if stream in self._echoes:
                    del self._echoes[stream]
                case _:
                    self.seen.append(event)

    def _pass_on(self, stream: int) -> None:
        waiting = self._echoes[stream]
        while waiting:
            head = waiting.popleft()
            taken = self.session.send(stream, head)
            self.session.consumed(stream, taken)
            if taken < len(head):
                waiting.appendleft(head[taken:])
                return
        if stream in self._finishing:
            self.session.finish(stream)
            del self._echoes[stream]


class Server:
    """Accepts connections as the responder, one thread each, until it is closed."""

    def __init__(self, key: PeerKey) -> None:
        self.key = key
        self.drivers: list[Driver] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def multiaddr(self) -> str:
        return f"/ip4/127.0.0.1/tcp/{self.port}/p2p/{self.key.peer_id}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                driver = Driver(sock, Role.RESPONDER, self.key)
                self.drivers.append(driver)
                threading.Thread(target=self._serve, args=(driver,), daemon=True).start()

    @staticmethod
    def _serve(driver: Driver) -> None:
        with contextlib.suppress(OSError):
            while not driver.session.ended:
                driver.step()
            driver.flush()
        driver.sock.close()


def dial(multiaddr: str, key: PeerKey) -> Driver:
    """Connect to a foreign peer and wait until the session is established."""
    address = Multiaddr.parse(multiaddr)
    assert address.tcp is not None
    sock = socket.create_connection((address.tcp.ip, address.tcp.port), timeout=10)
    driver = Driver(sock, Role.INITIATOR, key, expected=address.peer)
    driver.wait((Established, SessionEnded))
    return driver
