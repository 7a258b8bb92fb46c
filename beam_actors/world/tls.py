"""The TLS port on OpenSSL, through memory BIOs: no socket here, and no `ssl` exception beyond this module.

Invariant: whatever a client sends ends as `RemoteProtocolError` with an alert to `take`. The certificate is chosen by
the name in the client's first hello, which `client_hello` reads before OpenSSL sees a byte: no callback of ours runs
inside OpenSSL, and a second hello (after a HelloRetryRequest) does not change the choice. TLS 1.2 and 1.3; ALPN
http/1.1; no renegotiation, no compression, no session tickets (each connection is a full handshake, so a withdrawn
certificate is gone at once).
"""

import contextlib
import os
import ssl
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from beam_actors.errors import LocalProtocolError, RemoteProtocolError
from beam_actors.ports import CertifiedKey, TlsEngine
from beam_actors.world.client_hello import INTERNAL_ERROR, UNRECOGNIZED_NAME, BadHello, HelloReader, alert

_CONTEXTS = 1024
_READ = 1 << 16
_OUTGOING = 1 << 20  # plaintext is not accepted while this much ciphertext waits to be taken
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # what TLS 1.2 may use; 1.3 has its own list

CertificateFor = Callable[[str | None], CertifiedKey | None]


class OpenSslTls:
    """The TLS port. Contexts are kept per certificate, the least recently used given up beyond 1,024."""

    def __init__(self) -> None:
        self._contexts: OrderedDict[CertifiedKey, ssl.SSLContext] = OrderedDict()

    def server(self, certificate_for: CertificateFor) -> TlsEngine:
        """See `ports.TlsPort`. An exception of `certificate_for` is raised by the `feed` that led to it."""
        return _Engine(certificate_for, self._context_of)

    def _context_of(self, certified: CertifiedKey) -> ssl.SSLContext:
        context = self._contexts.pop(certified, None)
        if context is None:
            context = _context()
            _load(context, certified)
            while len(self._contexts) >= _CONTEXTS:
                self._contexts.popitem(last=False)
        self._contexts[certified] = context
        return context

    def __repr__(self) -> str:
        return f"OpenSslTls({len(self._contexts)} certificates)"


class _Engine:
    """See `ports.TlsEngine`."""

    def __init__(
        self,
        certificate_for: CertificateFor,
        context_of: Callable[[CertifiedKey], ssl.SSLContext],
    ) -> None:
        self._certificate_for = certificate_for
        self._context_of = context_of
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._hello = HelloReader()
        self._handshake: ssl.SSLObject | None = None  # there is none before the hello says with which certificate
        self._tls: ssl.SSLObject | None = None  # the same once it is established
        self._closing = self._ended = False
        self._held = bytearray()
        self._server_name: str | None = None
        self._failure: BaseException | None = None

    @property
    def established(self) -> bool:
        return self._tls is not None

    @property
    def server_name(self) -> str | None:
        return self._server_name

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        if self._failure is not None:
            raise self._failure
        if self._handshake is None:
            self._handshake = self._begin(data)
            if self._handshake is None:
                return
        elif data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        if self._tls is not None:
            return
        try:
            self._handshake.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise self._broken(error) from None
        self._tls = self._handshake

    def _begin(self, data: bytes | bytearray | memoryview) -> ssl.SSLObject | None:
        """OpenSSL's side, with the certificate for the name in the hello; None while the hello is not complete."""
        if not data:
            self._failure = RemoteProtocolError("The client's TLS failed: it ended before its hello.")
            raise self._failure
        try:
            hello = self._hello.feed(data)
            if hello is None:
                return None
            context = self._choose(hello.server_name)
        except Exception as error:
            self._failure = error
            self._outgoing.write(alert(_alert_of(error)))
            raise
        self._incoming.write(hello.received)
        return context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def _choose(self, name: str | None) -> ssl.SSLContext:
        self._server_name = name
        certified = self._certificate_for(name)
        if certified is None:
            raise _NoCertificate(f"No certificate is offered for {name or 'no name'}.")
        return self._context_of(certified)

    def take(self, limit: int = 1 << 18) -> bytes:
        return self._outgoing.read(limit)

    def read(self, limit: int) -> bytes | None:
        if self._failure is not None:
            raise self._failure
        if self._tls is None:
            return None
        if self._held:
            data = bytes(self._held[:limit])
            del self._held[:limit]
            return data
        return self._decrypt(self._tls, limit)

    def _decrypt(self, tls: ssl.SSLObject, limit: int) -> bytes | None:
        if self._ended:
            return b""
        try:
            return tls.read(min(limit, _READ))
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLError as error:
            raise self._broken(error) from None

    def write(self, data: bytes | bytearray | memoryview) -> int:
        if self._failure is not None:
            raise self._failure
        if self._closing:
            raise LocalProtocolError("Plaintext was written after close-notify.")
        if self._tls is None or not data or self._outgoing.pending >= _OUTGOING:
            return 0
        try:
            return self._tls.write(memoryview(data)[:_READ])
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except ssl.SSLError as error:
            raise self._broken(error) from None

    def close_notify(self) -> None:
        if self._closing or self._tls is None or self._failure is not None:
            return
        # `unwrap` writes our alert and then looks for the client's; data that it met instead would break the connection
        # for good, so what has arrived is decrypted first. What arrives later is read as before.
        while data := self._decrypt(self._tls, _READ):
            self._held += data
        self._ended = data == b""
        self._closing = True
        with contextlib.suppress(ssl.SSLError):  # "want read": the client has not ended yet
            self._tls.unwrap()

    def _broken(self, error: ssl.SSLError) -> BaseException:
        if self._failure is None:
            reason = (error.reason or type(error).__name__).lower().replace("_", " ")
            self._failure = RemoteProtocolError(f"The client's TLS failed: {reason}.")
        return self._failure

    def __repr__(self) -> str:
        state = "failed" if self._failure else "established" if self._tls else "in its handshake"
        return f"TlsEngine({self._server_name or 'no name'}, {state})"


class _NoCertificate(RemoteProtocolError):
    """Nothing is offered for the client's name."""


def _alert_of(error: Exception) -> int:
    if isinstance(error, BadHello):
        return error.alert
    return UNRECOGNIZED_NAME if isinstance(error, _NoCertificate) else INTERNAL_ERROR


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.num_tickets = 0
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    context.verify_mode = ssl.CERT_NONE
    return context


def _load(context: ssl.SSLContext, certified: CertifiedKey) -> None:
    """Hand the PEM to OpenSSL, which reads files only: one without a name in memory, else a private one, removed."""
    content = certified.chain + b"\n" + certified.key
    path: str
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp()  # 0600
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        context.load_cert_chain(path, password=_no_password)
    except (ssl.SSLError, OSError) as error:
        raise LocalProtocolError(f"OpenSSL refuses the certificate or its key: {error}.") from None
    finally:
        os.close(descriptor)
        if not path.startswith("/proc/"):
            Path(path).unlink()


def _no_password() -> bytes:
    raise LocalProtocolError("The key of a certificate is encrypted.")  # OpenSSL would ask on the terminal
