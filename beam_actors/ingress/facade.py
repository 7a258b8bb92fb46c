"""What the rooms above see of ingress: where its servers listen, which address a name has, and the root certificate."""

import attrs

from beam_actors.errors import ActorError, NotAllowed
from beam_actors.ingress.answers import Located
from beam_actors.ingress.binding import Binding
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


@attrs.frozen(slots=True)
class Server:
    """A server's actor and where it listens."""

    ref: Ref
    binding: Binding

    async def where(self) -> TcpAddress:
        """Its address; that of its last incarnation while it restarts, since it will come back there."""
        try:
            address: TcpAddress = await self.ref.ask(WhereBound(), timeout=_SECONDS)
        except ActorError:
            return self.binding.local
        return address


@attrs.frozen(slots=True, kw_only=True)
class Ingress:
    """One object per node; a server that is switched off is None."""

    zone: Zone
    resolver: Ref
    dns: Server | None
    https: Server | None
    http: Server | None

    async def bound(self) -> Bound:
        """The bound addresses, with the real ports; answers while servers restart too."""
        return Bound(
            dns=await self.dns.where() if self.dns else None,
            https=await self.https.where() if self.https else None,
            http=await self.http.where() if self.http else None,
        )

    async def locate(self, text: str) -> Located:
        """What DNS would answer for a name as a person types it, with or without suffix.

        Raises:
            NameNotFound: nobody is known to hold it.
            TimedOut, ResourceExhausted: the look-up did not end.
            ActorError: the resolver is restarting.
        """
        spot = self.zone.spot_host(text)
        lookup = Lookup(spot.text, spot.mdns) if spot.place is Place.NAME else Lookup(text, mdns="." not in text)
        located: Located = await self.resolver.ask(lookup, timeout=_SECONDS)
        return located

    async def root_certificate(self) -> RootCertificate:
        """The local CA's root; `NotAllowed` when HTTPS is switched off, `ActorError` while its server restarts."""
        if self.https is None:
            raise NotAllowed("HTTPS is switched off, so there is no local CA.")
        root: RootCertificate = await self.https.ref.ask(ShowRoot(), timeout=_SECONDS)
        return root

    def forget(self, text: str) -> None:
        """A person changed what the name leads to on this machine (a pin, say): DNS answers anew.

        Claims that are new here need no call: the node tells the resolver of each.
        """
        spot = self.zone.spot_host(text)
        label = spot.label if spot.place is Place.NAME else text.partition(".")[0].lower()
        self.resolver.tell(Forget(frozenset({label})))
