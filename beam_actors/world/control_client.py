"""The blocking client of a daemon's control socket: HTTP/1.1 and JSON over a Unix socket, without any event loop.

The invariant: every failure is a `BeamError` in a sentence, every wait has a deadline, and nothing is sent before the
kernel said that the daemon runs as this user (a squatter of the socket's path learns nothing). It knows no command and
no terminal; which paths exist is the business of its caller. It must stay quick to import: no trio, no cryptography.
"""

import json
import os
import socket
import struct
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, NoReturn

import h11

from beam_actors.errors import BeamError, DaemonNotRunning, NotAllowed, RemoteProtocolError, TimedOut

HOST = b"beam"
CONNECT_SECONDS = 5.0
REPLY_SECONDS = 40.0
MAX_REPLY = 32 << 20
MAX_LINE = 1 << 20
_NOT_RUNNING = "No daemon is running for this home; start it with `beam start --detach`."
_SO_PEERCRED = struct.Struct("3i")


class CommandFailed(BeamError):
    """The daemon answered with an error; `remote_code` and `remote_exit_code` are what it named."""

    def __init__(self, message: str, *, code: str, exit_code: int) -> None:
        super().__init__(message)
        self.remote_code = code
        self.remote_exit_code = exit_code


class ControlClient:
    """Asks one daemon; each call is a connection of its own.

    `daemon_version` is known after the first answer, and `daemon_pid` once something was reached (on Linux).
    """

    def __init__(self, path: str, *, version: str) -> None:
        self.path = path
        self.daemon_version: str | None = None
        self.daemon_pid: int | None = None
        self._version = version

    def __repr__(self) -> str:
        return f"ControlClient({self.path})"

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout: float = REPLY_SECONDS
    ) -> dict[str, Any]:
        """Ask once and return the answer's object.

        Raises:
            DaemonNotRunning: nobody answers at the socket.
            CommandFailed: the daemon refused or failed; its own sentence.
            TimedOut: no answer within `timeout` seconds.
            RemoteProtocolError: what answers is not a beam daemon.
        """
        with closing(_Exchange(self.path, timeout)) as exchange:
            self.daemon_pid = exchange.pid
            status = exchange.ask(method, path, body, self._version)
            answer = self._parse(exchange.read_all())
        if status >= 400:
            _raise_error(answer)
        return answer

    def lines(
        self, path: str, body: Mapping[str, Any], *, patience: float = REPLY_SECONDS
    ) -> Generator[dict[str, Any], None, None]:
        """POST, then yield each line of the answer until the daemon ends it; closing the generator hangs up.

        Raises like `call`; TimedOut when no line comes for `patience` seconds, DaemonNotRunning when it breaks off.
        """
        with closing(_Exchange(self.path, patience)) as exchange:
            status = exchange.ask("POST", path, body, self._version)
            if status >= 400:
                _raise_error(self._parse(exchange.read_all()))
            for line in exchange.read_lines():
                parsed = self._parse(line)
                if "error" in parsed:
                    _raise_error(parsed)
                yield parsed

    def _parse(self, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("schema"), int):
            raise RemoteProtocolError("What answers on the control socket is not a beam daemon.")
        version = answer.pop("version", None)
        if isinstance(version, str) and version.isprintable() and len(version) <= 64:
            self.daemon_version = version
        return answer


def is_answered(path: str) -> bool:
    """Whether somebody accepts connections at a Unix socket's path."""
    return process_behind(path) is not None


def process_behind(path: str) -> int | None:
    """The process that listens at a Unix socket's path: its id, 0 when that can't be known, None for nobody."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as sock:
        sock.settimeout(CONNECT_SECONDS)
        try:
            sock.connect(path)
        except TimeoutError:
            return 0  # a full backlog: somebody is there, only busy
        except OSError:
            return None
        return _credentials(sock)[0] if sys.platform == "linux" else 0


def _credentials(sock: socket.socket) -> tuple[int, int]:
    """The process and the user at the other end (Linux)."""
    pid, uid, _gid = _SO_PEERCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _SO_PEERCRED.size))
    return pid, uid


def _raise_error(answer: Mapping[str, Any]) -> NoReturn:
    error = answer.get("error")
    error = error if isinstance(error, dict) else {}
    exit_code = error.get("exit_code")
    raise CommandFailed(
        str(error.get("message") or "The daemon failed without saying why; `beam logs` may tell."),
        code=str(error.get("code") or "failed"),
        exit_code=exit_code if isinstance(exit_code, int) and 0 < exit_code < 128 else 1,
    )


class _Exchange:
    """One connection with one request."""

    def __init__(self, path: str, timeout: float) -> None:
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._answered = False
        self.pid: int | None = None
        self._h11 = h11.Connection(h11.CLIENT)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(path)
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def _connect(self, path: str) -> None:
        self._socket.settimeout(min(CONNECT_SECONDS, self._timeout))
        try:
            self._socket.connect(path)
        except TimeoutError:
            raise TimedOut("The daemon is too busy to answer; `beam logs` may say why.") from None
        except PermissionError:
            raise NotAllowed("The control socket belongs to another user.") from None
        except OSError:
            raise DaemonNotRunning(_NOT_RUNNING) from None
        if sys.platform == "linux":
            self.pid, uid = _credentials(self._socket)
            if uid != os.getuid():
                raise NotAllowed("What answers on the control socket runs as another user.")

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None, version: str) -> int:
        """Send the request and read the head of the answer: its status."""
        content = b"" if body is None else json.dumps(body).encode()
        headers = [
            (b"Host", HOST),
            (b"Content-Length", b"%d" % len(content)),
            (b"Connection", b"close"),
            (b"User-Agent", b"beam/" + version.encode()),
        ]
        request = h11.Request(method=method.encode(), target=path.encode(), headers=headers)
        data = b"".join(self._h11.send(event) or b"" for event in (request, h11.Data(data=content), h11.EndOfMessage()))
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise self._timed_out() from None
        except OSError:
            pass  # it may have answered before it read everything: the answer, or its absence, says more
        response = self._next()
        if not isinstance(response, h11.Response):
            raise RemoteProtocolError("What answers on the control socket does not speak HTTP.")
        self._answered = True
        return response.status_code

    def read_all(self) -> bytes:
        """The whole body."""
        body = bytearray()
        while isinstance(event := self._next(), h11.Data):
            body += event.data
            if len(body) > MAX_REPLY:
                raise RemoteProtocolError("The daemon's answer is longer than any answer may be.")
        return bytes(body)

    def read_lines(self) -> Iterator[bytes]:
        """The body line by line; each line renews the deadline."""
        buffer = bytearray()
        while isinstance(event := self._next(), h11.Data):
            buffer += event.data
            *lines, rest = bytes(buffer).split(b"\n")
            buffer = bytearray(rest)
            if len(buffer) > MAX_LINE:
                raise RemoteProtocolError("A line of the daemon's answer is longer than any line may be.")
            for line in lines:
                yield line
                self._deadline = time.monotonic() + self._timeout

    def _next(self) -> h11.Event:
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                self._h11.receive_data(self._receive())
        except h11.RemoteProtocolError:
            raise DaemonNotRunning(self._broken_off()) from None
        if isinstance(event, (h11.Response, h11.Data, h11.EndOfMessage)):
            return event
        raise DaemonNotRunning(self._broken_off())

    def _broken_off(self) -> str:
        how = "broke off in the middle of its answer" if self._answered else "closed the connection without an answer"
        return f"The daemon {how}; `beam logs` may say why."

    def _receive(self) -> bytes:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._timed_out()
        self._socket.settimeout(left)
        try:
            return self._socket.recv(65536)
        except TimeoutError:
            raise self._timed_out() from None
        except OSError:
            return b""

    def _timed_out(self) -> TimedOut:
        return TimedOut(f"The daemon did not answer within {self._timeout:g} seconds.")
