"""The TLS port on OpenSSL, through memory BIOs: no socket here, and no `ssl` exception beyond this module.

Invariant: whatever a client sends ends as `RemoteProtocolError` with an alert to `take`, and a certificate is chosen by
the name in the client's hello before anything else is said. TLS 1.2 and 1.3; ALPN http/1.1; no renegotiation, no
compression, no session tickets (each connection is a full handshake, so a withdrawn certificate is gone at once).
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

_CONTEXTS = 1024
_READ = 1 << 16
_OUTGOING = 1 << 20  # plaintext is not accepted while this much ciphertext waits to be taken
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # what TLS 1.2 may use; 1.3 has its own list

CertificateFor = Callable[[str | None], CertifiedKey | None]


class OpenSslTls:
    """The TLS port. Contexts are kept per certificate, the least recently used given up beyond 1,024."""

    def __init__(self) -> None:
        self._base = _context()
        self._base.sni_callback = _choose  # type: ignore[assignment]  # typeshed knows no subclass of SSLObject here
        self._contexts: OrderedDict[CertifiedKey, ssl.SSLContext] = OrderedDict()

    def server(self, certificate_for: CertificateFor) -> TlsEngine:
        """See `ports.TlsPort`. An exception of `certificate_for` is raised by the `feed` that led to it."""
        return _Engine(self._base, certificate_for, self._context_of)

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


class _Object(ssl.SSLObject):
    """OpenSSL's side of one engine; the SNI callback finds the engine by it."""

    engine: "_Engine"


class _Engine:
    """See `ports.TlsEngine`."""

    def __init__(
        self,
        base: ssl.SSLContext,
        certificate_for: CertificateFor,
        context_of: Callable[[CertifiedKey], ssl.SSLContext],
    ) -> None:
        self._certificate_for = certificate_for
        self._context_of = context_of
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = base.wrap_bio(self._incoming, self._outgoing, server_side=True)
        assert isinstance(tls, _Object)  # noqa: S101 - narrows the type: the context's `sslobject_class`
        tls.engine = self
        self._tls = tls
        self._established = self._closing = self._ended = False
        self._held = bytearray()
        self._server_name: str | None = None
        self._failure: BaseException | None = None

    @property
    def established(self) -> bool:
        return self._established

    @property
    def server_name(self) -> str | None:
        return self._server_name

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        if self._failure is not None:
            raise self._failure
        if not data:
            self._incoming.write_eof()
        else:
            self._incoming.write(data)
        if self._established:
            return
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise self._broken(error) from None
        self._established = True

    def take(self, limit: int = 1 << 18) -> bytes:
        return self._outgoing.read(limit)

    def read(self, limit: int) -> bytes | None:
        if self._failure is not None:
            raise self._failure
        if not self._established:
            return None
        if self._held:
            data = bytes(self._held[:limit])
            del self._held[:limit]
            return data
        return self._decrypt(limit)

    def _decrypt(self, limit: int) -> bytes | None:
        if self._ended:
            return b""
        try:
            return self._tls.read(min(limit, _READ))
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
        if not self._established or not data or self._outgoing.pending >= _OUTGOING:
            return 0
        try:
            return self._tls.write(memoryview(data)[:_READ])
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except ssl.SSLError as error:
            raise self._broken(error) from None

    def close_notify(self) -> None:
        if self._closing or not self._established or self._failure is not None:
            return
        # `unwrap` writes our alert and then looks for the client's; data that it met instead would break the connection
        # for good, so what has arrived is decrypted first. What arrives later is read as before.
        while data := self._decrypt(_READ):
            self._held += data
        self._ended = data == b""
        self._closing = True
        with contextlib.suppress(ssl.SSLError):  # "want read": the client has not ended yet
            self._tls.unwrap()

    def choose(self, name: str | None) -> int | None:
        """The answer to the client's hello: None to go on, or the number of an alert."""
        self._server_name = name.lower() if name else None
        try:
            certified = self._certificate_for(self._server_name)
            if certified is None:
                self._failure = RemoteProtocolError(f"No certificate is offered for {self._server_name or 'no name'}.")
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            self._tls.context = self._context_of(certified)
        except Exception as error:  # noqa: BLE001 - OpenSSL would print it; `feed` raises it instead
            self._failure = error
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None

    def _broken(self, error: ssl.SSLError) -> BaseException:
        if self._failure is None:
            reason = (error.reason or type(error).__name__).lower().replace("_", " ")
            self._failure = RemoteProtocolError(f"The client's TLS failed: {reason}.")
        return self._failure

    def __repr__(self) -> str:
        state = "failed" if self._failure else "established" if self._established else "in its handshake"
        return f"TlsEngine({self._server_name or 'no name'}, {state})"


def _choose(tls: _Object, name: str | None, _context: ssl.SSLContext) -> int | None:
    return tls.engine.choose(name)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _Object
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
