"""What an ordinary program on the visitor's machine does: ask DNS, fetch over verified HTTPS, speak WebSocket.

Only the standard library, dnslib and wsproto: none of it knows that a tunnel is there.
"""

import hashlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

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


@attrs.define
class Outage:
    """What a loop of requests saw around one fault."""

    requests: int = 0
    failed: int = 0
    seconds_to_heal: float = 0.0
    statuses: dict[str, int] = attrs.Factory(dict)


def watch_outage(visitor: Visitor, *, start: float, limit: float, calm: int = 5) -> Outage:
    """Request in a loop from the fault at `start` (monotonic) until `calm` successes in a row, `limit` s at most."""
    outage, in_a_row = Outage(), 0
    while in_a_row < calm and time.monotonic() - start < limit:
        outage.requests += 1
        try:
            status = visitor.get()[0]
            outcome = str(status)
        except OSError as error:
            status, outcome = 0, type(error).__name__
        outage.statuses[outcome] = outage.statuses.get(outcome, 0) + 1
        if status == 200:
            if in_a_row == 0:
                outage.seconds_to_heal = time.monotonic() - start if outage.failed else 0.0
            in_a_row += 1
        else:
            outage.failed += 1
            in_a_row = 0
            time.sleep(0.05)
    if in_a_row < calm:
        raise TimeoutError(f"The name was not served again within {limit:g} s: {outage.statuses}")
    return outage
