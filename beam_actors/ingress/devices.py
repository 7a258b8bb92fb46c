"""Devices of the LAN that have a name by multicast DNS: a claim must not capture somebody's `printer.local`.

Invariants: whoever asks is answered within `device_grace` seconds (`device_patience` when nobody claims the name);
questions under way, kept answers and questions a second are bounded; only the answer to a question of this moment
counts, by its id, from the mDNS port of an address of this network. What comes late voids what was said before. It
knows no claims; when a device goes first, the resolver decides.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Sequence

import attrs
import structlog

from beam_actors.errors import BeamError, NetworkError
from beam_actors.flow import DatagramHandle, Flow
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.mdns import GROUP, Answer, question, read_answer
from beam_actors.ingress.messages import FindDevice, Forget
from beam_actors.ports import Clock, DatagramSocket, Entropy
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, Reply, receives
from beam_actors.values import Bucket, TcpAddress

_log = structlog.get_logger(__name__)
_AGAIN = 0.25
"""Seconds until a question is sent a second time: a datagram may be lost, on a wireless network easily."""
_OVER = 1.0
"""Seconds until nobody is expected to answer any more."""
_MOST_INTERFACES = 4


@attrs.frozen(slots=True)
class Heard:
    """From the UDP callback to its actor."""

    answer: Answer


@attrs.frozen(slots=True)
class Due:
    """From the actor's own timers: the grace, the patience, the second sending or the end of a question."""

    label: str
    id: int
    what: str


@attrs.define(slots=True)
class _Asked:
    """A question under way."""

    id: int
    unknown: bool
    """Whether nobody was known to claim the name when it was first asked for."""
    hurried: list[Reply] = attrs.Factory(list)
    patient: list[Reply] = attrs.Factory(list)
    past: str = ""
    """What is over: the "grace", or the "patience" with it."""
    denied: bool = False
    """Whether somebody was told that there is no such device."""

    def join(self, reply: Reply, *, patient: bool) -> None:
        """Wait for the answer, unless it took too long already."""
        (self.patient if patient else self.hurried).append(reply)
        self.end()

    def end(self, ip: str | None = None, *, all_of_them: bool = False) -> None:
        """Answer those whose time is over, or everybody."""
        ended = self.hurried if self.past or all_of_them else []
        if self.past == "patience" or all_of_them:
            ended, self.patient = [*ended, *self.patient], []
        if self.past or all_of_them:
            self.hurried = []
        self.denied |= ip is None and bool(ended)
        for reply in ended:
            reply.set(ip)


class Devices(Actor):
    """Asks the LAN and keeps what it said."""

    mailbox = Mailbox(capacity=1024, overflow=Overflow.DROP_NEWEST)  # whoever asked goes on without it

    def __init__(
        self,
        flow: Flow,
        clock: Clock,
        entropy: Entropy,
        *,
        resolver: Ref,
        interfaces: Callable[[], Sequence[str]],
        limits: IngressLimits | None = None,
    ) -> None:
        """`interfaces` gives this machine's own addresses; `resolver` is told what it must not keep."""
        super().__init__()
        self._flow = flow
        self._clock = clock
        self._entropy = entropy
        self._resolver = resolver
        self._interfaces = interfaces
        self._limits = limits or IngressLimits()
        self._sockets: dict[str, DatagramHandle] = {}
        self._asked: dict[str, _Asked] = {}
        self._kept: OrderedDict[str, tuple[str | None, float]] = OrderedDict()  # an address or none, until when
        self._buckets = {
            patient: Bucket(self._limits.lookups_per_second, self._limits.lookups_burst, clock.monotonic())
            for patient in (False, True)
        }  # a page that asks for names that nobody knows must not keep claimed ones from being asked for

    def __repr__(self) -> str:
        return f"<Devices at {', '.join(self._sockets) or 'no network'}, {len(self._asked)} asked for>"

    @receives(FindDevice)
    def on_find(self, message: FindDevice) -> None:
        """Answer from what is kept, or join the question, or send one."""
        label, reply = message.label, self.defer()
        now = self._clock.monotonic()
        ip, until = self._kept.get(label, (None, 0.0))
        if now < until:
            reply.set(ip)
            return
        asked = self._asked.get(label)
        if asked is None:
            alike = sum(one.unknown == message.patient for one in self._asked.values())
            free = alike < self._limits.lookups and self._buckets[message.patient].try_take(now)
            if not free or not self._open():
                reply.set(None)
                return
            asked = self._asked[label] = _Asked(int.from_bytes(self._entropy.token(2), "big"), message.patient)
            for seconds, what in (
                (self._limits.device_grace, "grace"),
                (self._limits.device_patience, "patience"),
                (_AGAIN, "again"),
                (_OVER, "over"),
            ):
                self.send_after(seconds, Due(label, asked.id, what))
            self._send(label, asked.id)
        asked.join(reply, patient=message.patient)

    @receives(Due)
    def on_due(self, message: Due) -> None:
        """A moment of a question has come."""
        asked = self._asked.get(message.label)
        if asked is None or asked.id != message.id:
            return
        if message.what == "again":
            self._send(message.label, asked.id)
        elif message.what == "over":
            self._end(message.label, asked, None, self._limits.device_absent_seconds)
        else:
            asked.past = message.what
            asked.end()

    @receives(Heard)
    def on_heard(self, message: Heard) -> None:
        """A device has answered."""
        answer = message.answer
        asked = self._asked.get(answer.label)
        if asked is None or asked.id != answer.id or answer.ttl <= 0:
            return
        self._end(answer.label, asked, answer.ip, min(answer.ttl, self._limits.device_seconds))
        if asked.denied:
            self._resolver.tell(Forget(frozenset({answer.label})))

    def _end(self, label: str, asked: _Asked, ip: str | None, seconds: float) -> None:
        del self._asked[label]
        asked.end(ip, all_of_them=True)
        self._kept[label] = ip, self._clock.monotonic() + seconds
        self._kept.move_to_end(label)
        if len(self._kept) > self._limits.devices:
            self._kept.popitem(last=False)

    # --- the network --------------------------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Have a socket at each of this machine's present addresses; whether there is any."""
        present = [ip for ip in self._interfaces() if ":" not in ip][:_MOST_INTERFACES]
        for ip in [ip for ip in self._sockets if ip not in present]:
            self._sockets.pop(ip).close()
        for ip in present:
            if ip not in self._sockets:
                try:
                    # What is sent to a group from a socket that is bound to an address leaves by its interface.
                    self._sockets[ip] = self._flow.datagrams(TcpAddress(ip, 0), self._on_waiting, self.ref)
                except BeamError as error:  # the address has just gone, or the pump restarts
                    _log.debug("devices can't be asked from an address", ip=ip, error=str(error))
        return bool(self._sockets)

    def _send(self, label: str, ident: int) -> None:
        for ip, socket in list(self._sockets.items()):
            try:
                socket.send_to(question(label, ident), GROUP)
            except NetworkError as error:
                _log.debug("the LAN can't be asked for a device", ip=ip, error=str(error))
                self._sockets.pop(ip).close()

    def _on_waiting(self, socket: DatagramSocket) -> None:
        """In the pump: whatever is no answer from this network to a question of now ends here, before it is parsed."""
        expected = {asked.id.to_bytes(2, "big") for asked in self._asked.values()}
        for data, sender in socket.receive():
            if bytes(data[:2]) in expected and sender.port == GROUP.port and _is_near(sender.ip):
                answer = read_answer(data)
                if answer is not None:
                    self.ref.tell(Heard(answer))


def _is_near(ip: str) -> bool:
    """Whether the address can be of a local network (RFC 6762 section 11 wants the same link)."""
    address = ipaddress.ip_address(ip)
    return address.is_private or address.is_link_local
