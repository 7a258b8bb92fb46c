"""Look-ups: the connected peers are asked about a name that is not known here.

Invariant: one look-up per name at a time, however many ask, and none within a few seconds of the last; each ends by its
deadline, or is refused at once when too many are under way. What peers say goes through the registrar like every
claim; a look-up only says that it is over, and whether there was anybody to ask.
"""

from collections import OrderedDict

import structlog
import trio

from beam_actors.errors import RemoteProtocolError, ResourceExhausted
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.limits import Limits
from beam_actors.naming.messages import Refresh, Seek, Sought, Submit
from beam_actors.naming.network import FAILURES, PeerNetwork
from beam_actors.naming.protocol import PROTOCOL, Ask, Push
from beam_actors.ports import Clock
from beam_actors.runtime import Actor, ChildSpec, Down, Pool, Ref, Reply, Restart, StartMember, receives
from beam_actors.values import Name, PeerId

_log = structlog.get_logger(__name__)


class LookUps(Pool):
    """The pool of `LookUp`s, with what was asked in the last seconds."""

    def __init__(self, registrar: Ref, peers: PeerNetwork, clock: Clock, *, limits: Limits | None = None) -> None:
        bounds = limits or Limits()

        def member(label: str) -> ChildSpec:
            def look_up() -> LookUp:
                return LookUp(Name(label), registrar, peers, bounds)

            return ChildSpec(label, look_up, restart=Restart.TEMPORARY)

        super().__init__(member)
        self._clock = clock
        self._limits = bounds
        self._under_way: dict[Name, tuple[Ref, list[Reply]]] = {}
        self._recent: OrderedDict[Name, tuple[float, Sought]] = OrderedDict()  # until when, and how it ended

    def __repr__(self) -> str:
        return f"<LookUps {len(self._under_way)} under way, {len(self._recent)} recent>"

    @receives(Seek)
    async def on_seek(self, message: Seek) -> None:
        """Begin or join a look-up."""
        await self._seek(message.name, self.defer())

    @receives(Refresh)
    async def on_refresh(self, message: Refresh) -> None:
        """The same, for nobody."""
        await self._seek(message.name, self.defer())

    async def _seek(self, name: Name, reply: Reply) -> None:
        recent = self._recent.get(name)
        if name in self._under_way:
            self._under_way[name][1].append(reply)
        elif recent is not None and self._clock.monotonic() < recent[0]:
            reply.set(recent[1])
        elif len(self._under_way) >= self._limits.lookups:  # nobody was asked, which must not look like "nobody knows"
            reply.fail(ResourceExhausted("Too many names are being asked of peers at once; try again in a moment."))
        else:
            ref = await self.start_member(StartMember(name.label))
            self._under_way[name] = ref, [reply]
            self.monitor(ref)

    @receives(Sought)
    async def on_sought(self, message: Sought) -> None:
        """A look-up is over."""
        ref, replies = self._under_way.pop(message.name, (None, []))
        if ref is None:
            return
        self.demonitor(ref)
        self._recent[message.name] = self._clock.monotonic() + self._limits.negative_ttl, message
        self._recent.move_to_end(message.name)
        while len(self._recent) > self._limits.negatives:
            self._recent.popitem(last=False)
        for reply in replies:
            reply.set(message)
        await self.stop_child(ref)

    @receives(Down)
    def on_down(self, message: Down) -> None:
        """A look-up crashed: nobody answered."""
        self.demonitor(message.ref)
        for name, (ref, replies) in list(self._under_way.items()):
            if ref == message.ref:
                del self._under_way[name]
                for reply in replies:
                    reply.set(Sought(name, 0))


class LookUp(Actor):
    """Asks some connected peers about one name, all at once, and tells its pool when that is over."""

    def __init__(self, name: Name, registrar: Ref, peers: PeerNetwork, limits: Limits) -> None:
        super().__init__()
        self._name = name
        self._registrar = registrar
        self._peers = peers
        self._limits = limits
        self._answered = 0
        self._cut_off = False

    def __repr__(self) -> str:
        return f"<LookUp {self._name}, {self._answered} answered>"

    async def on_start(self) -> None:
        """Begin."""
        self.spawn(self._search, name="search")

    async def _search(self) -> None:
        with trio.move_on_after(self._limits.lookup_timeout):
            try:
                up = await self._peers.connected()
                self._cut_off = not up
            except FAILURES:
                up = ()  # peers are restarting themselves: nobody can be asked
            async with trio.open_nursery() as nursery:
                for peer in up[: self._limits.lookup_peers]:
                    nursery.start_soon(self._ask, peer)
        if self.parent is not None:
            self.parent.tell(Sought(self._name, self._answered, self._cut_off))

    async def _ask(self, peer: PeerId) -> None:
        try:
            stream = await self._peers.open(peer, PROTOCOL, owner=self.ref)
        except FAILURES as error:
            _log.debug("a peer can't be asked about a name", peer=str(peer), error=str(error))
            return
        talk = Conversation(stream, timeout=self._limits.lookup_timeout)
        try:
            await self._question(talk, peer)
        except FAILURES as error:
            _log.debug("a peer doesn't say what it knows of a name", peer=str(peer), error=str(error))
            talk.abort()
        except BaseException:
            talk.abort()
            raise
        else:
            self._answered += 1
            talk.close()

    async def _question(self, talk: Conversation, peer: PeerId) -> None:
        await talk.send(Ask(self._name))
        left = 2 * self._limits.owners_per_name  # a claim and the proof of an equivocation for each
        while (message := await talk.listed()) is not None:
            if not isinstance(message, Push) or len(message.claims) > left:
                raise RemoteProtocolError("The peer answers a question with something else.")
            left -= len(message.claims)
            await self._registrar.ask(Submit(message.claims, peer), timeout=self._limits.lookup_timeout)
