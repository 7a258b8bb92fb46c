"""The DNS server: UDP and TCP on one port, authoritative for the suffixes.

Invariants: every question is answered within the resolver's deadline or dropped; what waits is bounded; nothing that a
client sends crashes this actor. Repeated UDP questions are answered in the pump from the table of packed replies. The
others come here as messages, those about names that were not found lately at a bounded rate, so that a flood of these
costs the found ones nothing. Only programs of this machine, or of a private network when a person chose an address
there, are answered: a resolver that is open to everybody is a tool for attacks on others (RFC 5358).
"""

import ipaddress
from collections import OrderedDict

import structlog

from beam_actors.errors import BeamError, InvalidName, NameNotFound, NetworkError
from beam_actors.flow import Accepted, DatagramHandle, Flow, Stream
from beam_actors.ingress.answers import AA, APEX_TTL, NAME_TTL, NEGATIVE_TTL, Located, Responder, udp_limit
from beam_actors.ingress.binding import RETRY_SECONDS, Binding, reachable_ip
from beam_actors.ingress.exchange import Exchange
from beam_actors.ingress.framing import MAX_MESSAGE
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import Asked, BindAgain, Forget, Lookup, TellFailures, WhereBound
from beam_actors.ingress.questions import MAX_QUESTION, Question, Rcode, Refusal, name_of, read_question
from beam_actors.ingress.replies import ReplyTable
from beam_actors.ingress.zone import Spot, Zone
from beam_actors.ports import Clock, DatagramSocket
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, receives
from beam_actors.values import Bucket, TcpAddress

_log = structlog.get_logger(__name__)
_ASK_SECONDS = 1.0  # beyond the resolver's own deadline
_PORT_TRIES = 8  # the OS chooses for TCP, of which a busy machine may use a third of all ports, and few over UDP


class _Round:
    """The look-ups about one name since it last changed."""

    __slots__ = ("askers",)

    def __init__(self) -> None:
        self.askers = 0


class DnsServer(Actor):
    """Answers questions; `Forget` voids what is kept about a name."""

    mailbox = Mailbox(capacity=2048, overflow=Overflow.DROP_NEWEST)  # UDP may lose a question; its asker asks again

    def __init__(
        self,
        flow: Flow,
        resolver: Ref,
        clock: Clock,
        *,
        zone: Zone,
        binding: Binding,
        limits: IngressLimits | None = None,
    ) -> None:
        super().__init__()
        self._flow = flow
        self._resolver = resolver
        self._clock = clock
        self._binding = binding
        self._limits = limits or IngressLimits()
        self._table = ReplyTable(self._limits.dns_replies)
        self._responder = Responder(zone, reachable_ip(binding.address))
        self._rounds: dict[str, _Round] = {}  # by label: look-ups whose outcome may be kept
        self._found: OrderedDict[bytes, None] = OrderedDict()  # names of questions, as `name_of` says
        self._bucket = Bucket(
            self._limits.dns_questions_per_second, self._limits.dns_questions_burst, clock.monotonic()
        )
        self._pending = 0
        self._exchanges: dict[Exchange, None] = {}
        self.dropped = 0
        """UDP questions given up because too many waited or came."""
        self.failed = 0
        """Look-ups that broke off, which was answered SERVFAIL."""
        self._told: int | None = None  # of these, at the last line in the log; None while no such time runs

    def __repr__(self) -> str:
        waiting = f"{self._pending} pending, {len(self._exchanges)} connections"
        lost = f"{self.dropped} dropped, {self.failed} failed"
        return f"<DnsServer at {self._binding.local}, {waiting}, {lost}, {self._table!r}>"

    async def on_start(self) -> None:
        """Bind UDP and TCP at one port."""
        await self._bind()

    @receives(BindAgain)
    async def on_bind_again(self, _message: BindAgain) -> None:
        """Try again."""
        await self._bind()

    async def _bind(self) -> None:
        if await self._binding.bind(self._listen, lambda datagrams: datagrams.local) is None:
            self.send_after(RETRY_SECONDS, BindAgain())

    def _listen(self, address: TcpAddress) -> DatagramHandle:
        for remaining in reversed(range(_PORT_TRIES if address.port == 0 else 1)):
            listener = self._flow.listen(address, self.ref)
            local = listener.local if isinstance(listener.local, TcpAddress) else address
            try:
                return self._flow.datagrams(local, self._on_waiting, self.ref)
            except NetworkError:  # somebody has that port over UDP
                listener.close()
                if not remaining:
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    @receives(WhereBound)
    def on_where_bound(self, _message: WhereBound) -> TcpAddress:
        """Tell where it listens."""
        return self._binding.local

    @receives(Forget)
    def on_forget(self, message: Forget) -> None:
        """Void the replies about a name, those that are under way included: they are sent, but not kept."""
        if message.labels is None:
            self._table.clear()
            self._rounds.clear()
            return
        for label in message.labels:
            self._table.forget(label)
            self._rounds.pop(label, None)

    # --- UDP ---

    def _on_waiting(self, socket: DatagramSocket) -> None:
        """In the pump: answer what is known, hand over the rest."""
        now = self._clock.monotonic()
        get, is_ours = self._table.get, self._is_ours
        for data, sender in socket.answer(lambda data, sender: get(data, now) if is_ours(sender) else None):
            if len(data) > MAX_QUESTION:
                continue
            if name_of(data) not in self._found and not self._bucket.try_take(now):
                self.dropped += 1
            else:
                self.ref.tell(Asked(socket, data, sender))

    @receives(Asked)
    def on_asked(self, message: Asked) -> None:
        """Answer at once, or look the name up first."""
        question = self._read(message.data, message.sender)
        if question is None:
            return
        if isinstance(question, Refusal):
            _send(message.socket, question.pack(), message.sender)
            return
        answer = self._responder.immediate(question, udp_limit(question))
        if isinstance(answer, Spot):
            if self._pending >= self._limits.dns_pending:
                self.dropped += 1
                return
            self._pending += 1
            self.spawn(self._answer_later, message, question, answer)
            return
        if int.from_bytes(answer[2:4], "big") & AA:
            self._keep(message.data, question, answer, "", APEX_TTL)
        _send(message.socket, answer, message.sender)

    async def _answer_later(self, message: Asked, question: Question, spot: Spot) -> None:
        current = self._rounds.setdefault(spot.label, _Round())
        current.askers += 1
        try:
            reply, ttl = await self._look_up(question, spot, udp_limit(question))
            if ttl and self._rounds.get(spot.label) is current:
                self._keep(message.data, question, reply, spot.label, ttl)
            if ttl == NAME_TTL:
                self._remember(name_of(message.data))
        finally:
            self._pending -= 1
            current.askers -= 1
            if not current.askers and self._rounds.get(spot.label) is current:
                del self._rounds[spot.label]
        _send(message.socket, reply, message.sender)

    def _remember(self, name: bytes) -> None:
        self._found[name] = None
        self._found.move_to_end(name)
        if len(self._found) > self._limits.dns_found:
            self._found.popitem(last=False)

    def _keep(self, data: bytes, question: Question, reply: bytes, name: str, ttl: float) -> None:
        if question.edns is None or not question.edns.options:
            self._table.put(data, reply, name, self._clock.monotonic() + ttl)

    # --- TCP ---

    @receives(Accepted)
    def on_accepted(self, message: Accepted) -> None:
        """Serve a connection; when there are too many, in the place of the one that has asked nothing for longest."""
        if len(self._exchanges) >= self._limits.dns_connections and not self._make_room():
            message.dispose()
            return
        stream = message.stream

        async def answer(data: bytes) -> bytes | None:
            question = self._read(data, stream.remote)
            if not isinstance(question, Question):
                return question.pack() if question else None
            reply = self._responder.immediate(question, MAX_MESSAGE)
            if isinstance(reply, Spot):
                reply, _ = await self._look_up(question, reply, MAX_MESSAGE)
            return reply

        exchange = Exchange(stream, answer, self._limits)
        self._exchanges[exchange] = None
        self.spawn(self._converse, stream, exchange)

    def _make_room(self) -> bool:
        quiet = [exchange for exchange in self._exchanges if not exchange.is_answering]
        if not quiet:
            return False
        longest = min(quiet, key=lambda exchange: exchange.since)
        del self._exchanges[longest]
        longest.evict()
        return True

    async def _converse(self, stream: Stream, exchange: Exchange) -> None:
        try:
            await exchange.run()
        except BeamError as error:
            _log.debug("a DNS connection ended early", error=str(error))
            stream.abort()
        finally:
            self._exchanges.pop(exchange, None)

    # --- both ---

    def _read(self, data: bytes, sender: object) -> Question | Refusal | None:
        question = read_question(data)
        if isinstance(question, Question) and not self._is_ours(sender):
            return Refusal(question.id, question.flags, Rcode.REFUSED)
        return question

    def _is_ours(self, sender: object) -> bool:
        if not isinstance(sender, TcpAddress):
            return False
        if sender.ip.startswith("127."):  # nearly always, and each hot answer passes here
            return True
        return sender.is_loopback or (not self._binding.address.is_loopback and _is_private(sender.ip))

    async def _look_up(self, question: Question, spot: Spot, limit: int) -> tuple[bytes, float]:
        """The reply and for how many seconds it may be kept."""
        try:
            located: Located = await self._resolver.ask(
                Lookup(spot.text, spot.mdns), timeout=self._limits.lookup_seconds + _ASK_SECONDS
            )
        except (NameNotFound, InvalidName):
            return self._responder.absent(question, limit), NEGATIVE_TTL
        except BeamError as error:
            self._failed(spot, error)
            return self._responder.failed(question, limit), 0
        return self._responder.found(question, located, limit), NAME_TTL

    def _failed(self, spot: Spot, error: BeamError) -> None:
        """Count it, and log the first of a period: a flood of names must not overwrite the log."""
        self.failed += 1
        if self._told is None:
            _log.info("a look-up failed", name=spot.text, error=str(error))
            self._told = self.failed
            self.send_after(self._limits.dns_report_seconds, TellFailures())

    @receives(TellFailures)
    def on_tell_failures(self, _message: TellFailures) -> None:
        """The end of a period."""
        more = self.failed - (self._told or 0)
        self._told = None
        if more:
            _log.info("more look-ups failed", count=more)
            self._told = self.failed
            self.send_after(self._limits.dns_report_seconds, TellFailures())


def _is_private(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_private


def _send(socket: DatagramSocket, reply: bytes, client: TcpAddress) -> None:
    try:
        socket.send_to(reply, client)
    except NetworkError as error:  # ours is closed, or the client's is
        _log.debug("a DNS reply was not sent", error=str(error))
