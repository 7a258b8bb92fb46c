"""At which loopback addresses the web servers listen for names: all servers at each of them, or none.

Invariant: an address that one server can't have is left by the others, so that whoever has one port there (the daemon
of another home chooses the same addresses) can have the other one, too. The servers are asked one after the other, in
the same order by every daemon: of two that want one address at the same time, one gets it. Which name has which address
is not known here.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping

import structlog

from beam_actors.errors import ActorError, ResourceExhausted
from beam_actors.ingress.messages import Serve, Served, Unserve, WebKind, WhereBound
from beam_actors.runtime import Ref

_log = structlog.get_logger(__name__)
_SERVER_SECONDS = 2.0


class ServedAddresses:
    """Asks the servers, and remembers at most `most` addresses that all of them listen at; the latest used stay."""

    def __init__(self, servers: Mapping[WebKind, Ref], most: int) -> None:
        self._servers = servers
        self._most = most
        self._ips: OrderedDict[str, None] = OrderedDict()
        self._asking: Counter[str] = Counter()
        """How many ask the servers for an address now; none with zero."""

    def __contains__(self, ip: str) -> bool:
        return ip in self._ips

    def __iter__(self) -> Iterator[str]:
        return iter(self._ips)

    def __repr__(self) -> str:
        return f"<ServedAddresses {len(self._ips)} of {self._most}>"

    async def serve(self, ip: str) -> Served:
        """Whether every server listens there; a name that only HTTP serves would break its HTTPS links.

        If it was so before, those that can go on to.
        """
        answer = Served.NO
        self._asking[ip] += 1
        try:
            answer = await self._ask_all(ip)
        finally:
            self._asking -= Counter([ip])
            if answer is Served.YES:
                self._put(ip)
            elif ip not in self._ips:
                self.leave(ip)
        return answer

    async def _ask_all(self, ip: str) -> Served:
        for server in self._servers.values():
            try:
                answer: Served = await server.ask(Serve(ip), timeout=_SERVER_SECONDS)
            except ActorError as error:
                _log.debug("a web server does not answer", server=server.path, error=str(error))
                return Served.NO
            if answer is not Served.YES:
                return answer
        return Served.YES if self._servers else Served.NO

    def _put(self, ip: str) -> None:
        self._ips[ip] = None
        self._ips.move_to_end(ip)
        if len(self._ips) > self._most:
            self._ips.popitem(last=False)

    def leave(self, ip: str) -> None:
        """Have no server listen there any more, unless somebody asks for just that now."""
        if ip not in self._asking:
            self._ips.pop(ip, None)
            for server in self._servers.values():
                server.tell(Unserve(ip))

    def tell(self, kind: WebKind) -> None:
        """Tell a server that restarted what it is to listen at."""
        for ip in self._ips:
            self._servers[kind].tell(Serve(ip))

    async def common(self) -> str:
        """The IP that all names share which have no address of their own; raise `ResourceExhausted` if none listens."""
        for server in self._servers.values():
            try:
                ip: str = (await server.ask(WhereBound(), timeout=_SERVER_SECONDS)).ip
            except ActorError:
                continue
            return ip
        raise ResourceExhausted("Neither the HTTPS nor the HTTP server listens.")
