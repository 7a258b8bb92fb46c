"""The TLS port without cryptography: the same conversation in readable frames, and the client's side of it.

Invariant: the surface, the order of events and the kinds of failure are those of the real engine; the bytes are a
function of the input alone, so a trace of them replays.

    frame = type u8 ‖ length u16 ‖ payload
    type  = H hello (server name) | C certificate chain's digest | D data | N close-notify | A alert
"""

import abc
import hashlib
from collections.abc import Callable

from beam_actors.errors import LocalProtocolError, RemoteProtocolError
from beam_actors.ports import CertifiedKey, TlsEngine

_HEAD = 3
_DATA = 1 << 14
_OUTGOING = 1 << 20
_MAX_NAME = 255

CertificateFor = Callable[[str | None], CertifiedKey | None]


class PlainTls:
    """The TLS port of simulated nodes."""

    def server(self, certificate_for: CertificateFor) -> TlsEngine:
        """See `ports.TlsPort`."""
        return _ServerEngine(certificate_for)

    def client(self, server_name: str | None) -> "PlainTlsClient":
        """The other end, for simulated browsers: the same surface, and the digest of the chain that was offered."""
        return PlainTlsClient(server_name)


class _Frames(abc.ABC):
    """What both ends share: frames in, frames out, plaintext between."""

    def __init__(self) -> None:
        self._incoming, self._outgoing, self._plain = bytearray(), bytearray(), bytearray()
        self._established = self._closing = self._ended = self._cut = False
        self._failure: BaseException | None = None

    @property
    def established(self) -> bool:
        return self._established

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        if self._failure is not None:
            raise self._failure
        if not data:
            self._cut = True
            if not self._established:
                raise self._broken("the connection ended in the handshake")
            return
        self._incoming += data
        while len(self._incoming) >= _HEAD:
            end = _HEAD + int.from_bytes(self._incoming[1:_HEAD], "big")
            kind = bytes(self._incoming[:1])
            if kind not in {b"H", b"C", b"D", b"N", b"A"} or end - _HEAD > _DATA:
                raise self._broken("no such frame")
            if len(self._incoming) < end:
                return
            payload = bytes(self._incoming[_HEAD:end])
            del self._incoming[:end]
            self._frame(kind, payload)

    def take(self, limit: int = 1 << 18) -> bytes:
        data = bytes(self._outgoing[:limit])
        del self._outgoing[:limit]
        return data

    def read(self, limit: int) -> bytes | None:
        if self._failure is not None:
            raise self._failure
        if self._plain:
            data = bytes(self._plain[:limit])
            del self._plain[:limit]
            return data
        if self._ended:
            return b""
        if self._cut:
            raise self._broken("the connection ended without close-notify")
        return None

    def write(self, data: bytes | bytearray | memoryview) -> int:
        if self._failure is not None:
            raise self._failure
        if self._closing:
            raise LocalProtocolError("Plaintext was written after close-notify.")
        if not self._established or not data or len(self._outgoing) >= _OUTGOING:
            return 0
        part = bytes(data[:_DATA])
        self._put(b"D", part)
        return len(part)

    def close_notify(self) -> None:
        if not self._closing and self._established and self._failure is None:
            self._closing = True
            self._put(b"N")

    def _frame(self, kind: bytes, payload: bytes) -> None:
        if kind == b"A":
            raise self._broken(payload.decode("ascii", "replace"), alert=False)
        if not self._established:
            self._handshake(kind, payload)
        elif kind == b"D" and not self._ended:
            self._plain += payload
        elif kind == b"N" and not self._ended:
            self._ended = True
        else:
            raise self._broken("a frame came where it may not stand")

    @abc.abstractmethod
    def _handshake(self, kind: bytes, payload: bytes) -> None:
        """Take the one frame that each end waits for before data."""

    def _put(self, kind: bytes, payload: bytes = b"") -> None:
        self._outgoing += kind + len(payload).to_bytes(2, "big") + payload

    def _broken(self, reason: str, *, alert: bool = True) -> BaseException:
        if self._failure is None:
            self._failure = RemoteProtocolError(f"The other end's TLS failed: {reason}.")
            if alert and not self._cut:
                self._put(b"A", reason.encode())
        return self._failure


class _ServerEngine(_Frames):
    """See `ports.TlsEngine`."""

    def __init__(self, certificate_for: CertificateFor) -> None:
        super().__init__()
        self._certificate_for = certificate_for
        self._server_name: str | None = None

    @property
    def server_name(self) -> str | None:
        return self._server_name

    def _handshake(self, kind: bytes, payload: bytes) -> None:
        if kind != b"H" or len(payload) > _MAX_NAME or not payload.isascii():
            raise self._broken("no hello")
        self._server_name = payload.decode("ascii").lower() or None
        try:
            certified = self._certificate_for(self._server_name)
        except Exception as error:
            self._failure = error
            self._put(b"A", b"internal error")
            raise
        if certified is None:
            raise self._broken("no certificate is offered for that name")
        self._put(b"C", chain_digest(certified))
        self._established = True

    def __repr__(self) -> str:
        state = "failed" if self._failure else "established" if self._established else "in its handshake"
        return f"PlainTlsEngine({self._server_name or 'no name'}, {state})"


class PlainTlsClient(_Frames):
    """The client's end; `certificate` is the `chain_digest` of what the server offered."""

    def __init__(self, server_name: str | None) -> None:
        super().__init__()
        self.certificate: bytes | None = None
        self.server_name = server_name
        self._put(b"H", (server_name or "").encode("ascii"))

    def _handshake(self, kind: bytes, payload: bytes) -> None:
        if kind != b"C":
            raise self._broken("no certificate")
        self.certificate = payload
        self._established = True


def chain_digest(certified: CertifiedKey) -> bytes:
    """What stands for a certificate chain in these frames."""
    return hashlib.blake2b(certified.chain, digest_size=32, person=b"beam-sim-chain").digest()
