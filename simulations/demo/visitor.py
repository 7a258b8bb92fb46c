"""What an ordinary program on the visitor's machine does: ask DNS, fetch over verified HTTPS, speak WebSocket.

Only the standard library, dnslib and wsproto: none of it knows that a tunnel is there.
"""

import hashlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import attrs
import dnslib
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

Endpoint = tuple[str, int]
TIMEOUT = 10.0


def resolve(dns: Endpoint, name: str) -> str:
    """The IPv4 address that the DNS server at `dns` gives for `name`; raise `LookupError` for any other answer."""
    query = dnslib.DNSRecord.question(name, "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(TIMEOUT)
        udp.sendto(query.pack(), dns)
        reply = dnslib.DNSRecord.parse(udp.recv(4096))
    addresses = [str(record.rdata) for record in reply.rr if record.rtype == dnslib.QTYPE.A]
    if reply.header.id != query.header.id or not addresses:
        raise LookupError(f"{name}: {dnslib.RCODE[reply.header.rcode]}")
    return addresses[0]


@attrs.frozen
class Visitor:
    """A client that reaches `name` at the address and port where the local daemon ends TLS."""

    name: str
    address: Endpoint
    ca: Path

    def _connect(self) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.ca))
        raw = socket.create_connection(self.address, timeout=TIMEOUT)
        return context.wrap_socket(raw, server_hostname=self.name)

    def _https(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self.name, self.address[1], timeout=TIMEOUT)
        connection.sock = self._connect()
        return connection

    def get(self, path: str = "/") -> tuple[int, bytes]:
        """Status and body of a GET; the certificate is verified against the local CA alone."""
        connection = self._https()
        try:
            connection.request("GET", path, headers={"Host": self.name})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def upload(self, size: int) -> bool:
        """Stream `size` bytes in chunks to /upload and say whether the other end hashed the same bytes."""
        digest = hashlib.sha256()

        def body() -> Iterator[bytes]:
            for number in range(0, size, 1 << 16):
                chunk = hashlib.sha256(number.to_bytes(8, "big")).digest() * 2048
                digest.update(chunk)
                yield chunk

        connection = self._https()
        try:
            connection.request("POST", "/upload", body=body(), headers={"Host": self.name}, encode_chunked=True)
            answer = json.loads(connection.getresponse().read())
            return bool(answer["sha256"] == digest.hexdigest() and answer["bytes"] == size)
        finally:
            connection.close()

    def websocket(self, *messages: str) -> list[str]:
        """Open /ws, send each text and return the answers."""
        answers: list[str] = []
        with self._connect() as stream:
            ws = WSConnection(ConnectionType.CLIENT)
            stream.sendall(ws.send(Request(host=self.name, target="/ws")))
            sent = 0
            while True:
                data = stream.recv(4096)
                ws.receive_data(data or None)
                for event in ws.events():
                    if isinstance(event, TextMessage):
                        answers.append(event.data)
                    if isinstance(event, (AcceptConnection, TextMessage)) and sent < len(messages):
                        stream.sendall(ws.send(TextMessage(data=messages[sent])))
                        sent += 1
                    elif isinstance(event, TextMessage):
                        stream.sendall(ws.send(CloseConnection(code=1000)))
                    elif isinstance(event, CloseConnection):
                        return answers
                if not data:
                    raise ConnectionError("the WebSocket ended without a close frame")


class RequestLoop:
    """Requests one after another in a thread, as an impatient person would, and remembers what came back when."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._seen: list[tuple[float, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                outcome = str(self._visitor.get()[0])
            except OSError as error:
                outcome = type(error).__name__
            self._seen.append((time.monotonic(), outcome))
            self._stop.wait(0.02)

    def healed(self, since: float, *, calm: int = 10) -> bool:
        """Whether the last `calm` answers after `since` (monotonic seconds) were all 200."""
        after = [outcome for when, outcome in self._seen if when > since][-calm:]
        return len(after) == calm and set(after) == {"200"}

    def report(self, since: float) -> tuple[dict[str, int], float]:
        """What came back after `since`, counted, and the seconds from `since` to the end of the last failure."""
        after = [(when, outcome) for when, outcome in self._seen if when > since]
        counts = Counter(outcome for _, outcome in after)
        failures = [when for when, outcome in after if outcome != "200"]
        return dict(counts), (failures[-1] - since if failures else 0.0)
