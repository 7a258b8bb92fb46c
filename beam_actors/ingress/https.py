"""The HTTPS server: TLS ends here, on the user's own machine, with a leaf of the local CA; then it is a web server.

Invariant: the host name of the request is the one that the certificate was for (421 otherwise), so that a connection
that a browser reuses for another name never leads to the wrong owner.
"""

from collections.abc import Callable

from cryptography.hazmat.primitives import hashes

from beam_actors.flow import Flow, Stream
from beam_actors.ingress.authority import ROOT_FILE, LocalAuthority
from beam_actors.ingress.binding import Binding
from beam_actors.ingress.leaves import Leaves
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import RootCertificate, ShowRoot
from beam_actors.ingress.neighbours import Names, TunnelOpener
from beam_actors.ingress.page import PROGRAM
from beam_actors.ingress.web import WebServer
from beam_actors.ingress.zone import Zone
from beam_actors.ports import Clock, Entropy, Files, TlsPort
from beam_actors.runtime import Ref, receives


class HttpsServer(WebServer):
    """HTTPS for every name of the zone; opens, or makes, the local CA when it starts."""

    kind = "https"
    port = 443

    def __init__(
        self,
        flow: Flow,
        tunnels: TunnelOpener,
        names: Names,
        *,
        resolver: Ref,
        zone: Zone,
        binding: Binding,
        tls: TlsPort,
        files: Files,
        clock: Clock,
        entropy: Entropy,
        limits: IngressLimits | None = None,
        program: str = PROGRAM,
    ) -> None:
        super().__init__(
            flow, tunnels, names, resolver=resolver, zone=zone, binding=binding, limits=limits, program=program
        )
        self._tls = tls
        self._files = files
        self._clock = clock
        self._entropy = entropy

    async def on_start(self) -> None:
        """Open the authority, then bind; raises `StorageError` if the CA's files are damaged."""
        self._authority = LocalAuthority.open(
            self._files, self._entropy, now=self._clock.wall(), suffixes=self._zone.suffixes
        )
        self._leaves = Leaves(self._authority, self._zone, self._clock, self._limits.leaves)
        await super().on_start()

    def secure(self, stream: Stream) -> tuple[Stream, Callable[[], str | None]]:
        """TLS above the connection, with the leaf that SNI asks for."""
        engine = self._tls.server(self._leaves.certificate_for)
        return self._flow.tls(stream, engine), lambda: engine.server_name

    @receives(ShowRoot)
    def on_show_root(self, _message: ShowRoot) -> RootCertificate:
        """Tell where the root certificate is and what it may vouch for."""
        return RootCertificate(
            self._files.path(ROOT_FILE),
            self._authority.root.fingerprint(hashes.SHA256()).hex(),
            tuple(sorted({*self._zone.suffixes, "localhost"})),
        )
