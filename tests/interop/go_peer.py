"""go-libp2p as a judge: `p2pd` behind its control socket (go-libp2p-daemon's protobufs, each behind its length)."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from beam_actors.values import Multiaddr, PeerId, decode_uvarint, encode_uvarint
from beam_actors.wire.protobuf import field, read_fields

IDENTIFY, CONNECT, STREAM_OPEN, STREAM_HANDLER = 0, 1, 2, 3
UNIX = 400


class GoPeer:
    """A running p2pd on a loopback port that echoes on `/beam/echo/1`."""

    def __init__(self, binary: Path) -> None:
        self._folder = tempfile.mkdtemp(prefix="p2pd")
        self._echoes: list[socket.socket] = []
        self._control = f"{self._folder}/c"
        command = [binary, "-listen", f"/unix{self._control}", "-hostAddrs", "/ip4/127.0.0.1/tcp/0", "-tls=false"]
        self._log = Path(self._folder, "log").open("w")  # noqa: SIM115 - open for as long as the process runs
        environment = {**os.environ, "GOLOG_LOG_LEVEL": "error"}
        self._process = subprocess.Popen(
            [*command, "-relayService=false"], stdout=self._log, stderr=self._log, env=environment
        )
        deadline = time.monotonic() + 20
        while not Path(self._control).exists():
            assert self._process.poll() is None, "p2pd does not start"
            assert time.monotonic() < deadline, "p2pd does not listen"
            time.sleep(0.02)
        answer = fields(self._call(field(1, IDENTIFY))[4])
        self.peer = PeerId.from_multihash(answer[1])
        self.multiaddr = f"{Multiaddr.from_bytes(answer[2])}/p2p/{self.peer}"

    def serve_echo(self, protocol: str) -> None:
        path = f"{self._folder}/echo"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1024)  # the daemon resets a stream whose connection isn't taken at once
        self._echoes.append(listener)
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        address = encode_uvarint(UNIX) + encode_uvarint(len(path)) + path.encode()
        self._call(field(1, STREAM_HANDLER) + field(4, field(1, address) + field(2, protocol) + field(3, 0)))

    def connect(self, multiaddr: str) -> None:
        address = Multiaddr.parse(multiaddr)
        body = field(1, address.peer.multihash) + field(2, address.without_peer.to_bytes()) + field(3, 10)
        self._call(field(1, CONNECT) + field(2, body))

    def open(self, peer: PeerId, protocol: str) -> socket.socket:
        """A stream to a connected peer, as a socket."""
        body = field(1, peer.multihash) + field(2, protocol) + field(3, 10)
        return self._request(field(1, STREAM_OPEN) + field(3, body))[1]

    def close(self) -> None:
        for listener in self._echoes:
            listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
            listener.close()
        self._process.terminate()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder)

    def _call(self, message: bytes) -> dict:
        answer, sock = self._request(message)
        sock.close()
        return answer

    def _request(self, message: bytes) -> tuple[dict, socket.socket]:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(30)
        sock.connect(self._control)
        sock.sendall(encode_uvarint(len(message)) + message)
        answer = fields(read_delimited(sock))
        assert answer[1] == 0, answer
        return answer, sock


def fields(message: bytes) -> dict:
    """The first value of each field."""
    found: dict = {}
    for number, value in read_fields(message):
        found.setdefault(number, value)
    return found


def read_delimited(sock: socket.socket) -> bytes:
    prefix = b""
    while (decoded := decode_uvarint(prefix)) is None:
        prefix += read_exactly(sock, 1)
    return read_exactly(sock, decoded[0])


def read_exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        assert part, f"the stream ended after {len(data)} of {size} bytes"
        data += part
    return data


def _accept(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):  # until it is shut down
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=_echo, args=(sock,), daemon=True).start()


def _echo(sock: socket.socket) -> None:
    with sock, contextlib.suppress(OSError):
        read_delimited(sock)  # who it is
        while part := sock.recv(1 << 16):
            sock.sendall(part)
