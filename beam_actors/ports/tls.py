"""The TLS port: a server-side engine without I/O, of which `flow.tls` makes a link."""

from collections.abc import Callable
from typing import Protocol

import attrs


@attrs.frozen(slots=True)
class CertifiedKey:
    """A certificate chain (leaf first) and the leaf's private key, both in PEM."""

    chain: bytes
    key: bytes = attrs.field(repr=False)


class TlsEngine(Protocol):
    """One connection's TLS state. Bytes go in by `feed`, come out by `take`; plaintext by `write` and `read`.

    Raises:
        RemoteProtocolError: from `feed`, `read` and `write`, when the client breaks TLS or refuses our certificate.
    """

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Give what came from the network; empty data means that the network side ended."""
        ...

    def take(self, limit: int = 1 << 18) -> bytes:
        """Up to `limit` bytes that must be sent."""
        ...

    def read(self, limit: int) -> bytes | None:
        """Up to `limit` bytes of plaintext, b"" after close-notify, None when more must be fed."""
        ...

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Accept plaintext and return how many bytes were taken; 0 until the handshake is complete."""
        ...

    def close_notify(self) -> None:
        """Say that no more plaintext follows; the alert is fetched by `take`."""
        ...

    @property
    def established(self) -> bool:
        """Whether the handshake is complete."""
        ...

    @property
    def server_name(self) -> str | None:
        """The name that the client sent by SNI, lower-case, once its hello was read."""
        ...


class TlsPort(Protocol):
    """Makes engines."""

    def server(self, certificate_for: Callable[[str | None], CertifiedKey | None]) -> TlsEngine:
        """An engine that asks `certificate_for(server_name)` once; None refuses the handshake with an alert.

        TLS 1.2 and 1.3, ALPN http/1.1, no renegotiation, no client certificates.
        """
        ...
