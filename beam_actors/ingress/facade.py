"""What the rooms above see of ingress: where its servers listen, which address a name has, and the root certificate."""

import attrs

from beam_actors.errors import UsageError
from beam_actors.ingress.answers import Located
from beam_actors.ingress.messages import Forget, Lookup, RootCertificate, ShowRoot, WhereBound
from beam_actors.ingress.zone import Place, Zone
from beam_actors.runtime import Ref
from beam_actors.values import TcpAddress

_SECONDS = 5.0


@attrs.frozen(slots=True, kw_only=True)
class Bound:
    """Where the servers listen; None for one that is switched off."""

    dns: TcpAddress | None
    https: TcpAddress | None
    http: TcpAddress | None


@attrs.frozen(slots=True, kw_only=True)
class Ingress:
    """Methods raise `ActorError` when the actor that they ask is restarting or dead."""

    zone: Zone
    resolver: Ref
    dns: Ref | None
    https: Ref | None
    http: Ref | None

    async def bound(self) -> Bound:
        """The bound addresses, with the real ports."""
        return Bound(
            dns=await _where(self.dns),
            https=await _where(self.https),
            http=await _where(self.http),
        )

    async def locate(self, text: str) -> Located:
        """What DNS would answer for a name as a person types it, with or without suffix.

        Raises:
            NameNotFound: nobody is known to hold it.
            TimedOut, ResourceExhausted: the look-up did not end.
        """
        spot = self.zone.spot_host(text)
        located: Located = await self.resolver.ask(
            Lookup(spot.text if spot.place is Place.NAME else text), timeout=_SECONDS
        )
        return located

    async def root_certificate(self) -> RootCertificate:
        """The local CA's root; raises `UsageError` when HTTPS is switched off."""
        if self.https is None:
            raise UsageError("HTTPS is switched off, so there is no local CA.")
        root: RootCertificate = await self.https.ask(ShowRoot(), timeout=_SECONDS)
        return root

    def forget(self, text: str) -> None:
        """Something about the name changed (`label` or `label.<owner>`): DNS asks anew."""
        if self.dns is not None:
            self.dns.tell(Forget(text))


async def _where(server: Ref | None) -> TcpAddress | None:
    if server is None:
        return None
    address: TcpAddress = await server.ask(WhereBound(), timeout=_SECONDS)
    return address
