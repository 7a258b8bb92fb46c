"""The actor of one peer: puts what others want and what happens to its `life`, and holds the peer's sessions.

Invariants: it speaks of one peer only (a message for another, whose short id is the same, is refused); a session is
its child and ends with it; new streams take the session that `choice` prefers and the others drain; whoever asked for a
stream has an answer once the dial ends. A lost connection is a normal exit here and restarts nobody.
"""

from collections.abc import Sequence

from beam_actors.errors import ActorError, BeamError, PeerOffline, ResourceExhausted, TimedOut
from beam_actors.peers.acquaintance import Acquaintance
from beam_actors.peers.alarm import Alarm
from beam_actors.peers.choice import Candidate
from beam_actors.peers.given import ENDED_AT_ONCE, GivenAddresses
from beam_actors.peers.life import Life
from beam_actors.peers.lifecycle import Input, State
from beam_actors.peers.live import Live, LiveSessions
from beam_actors.peers.messages import (
    AdoptSession,
    Connect,
    DialAt,
    DialEnded,
    DialledAt,
    Disconnect,
    EndVisit,
    Identified,
    Left,
    Lingered,
    OpenedStream,
    OpenStream,
    PeerStands,
    PingPeer,
    Report,
    Retry,
    Started,
    Stayed,
    Used,
    Wake,
)
from beam_actors.peers.news import News
from beam_actors.peers.pings import Pings
from beam_actors.peers.session import session_spec
from beam_actors.peers.setting import PeerSetting
from beam_actors.peers.waiting import Waiter
from beam_actors.runtime import (
    Actor,
    Down,
    ExitReason,
    Mailbox,
    Overflow,
    Reply,
    receives,
)
from beam_actors.values import Multiaddr, PeerId

_STAYED = Stayed()


class Peer(Actor):
    """One wanted or connected peer. Overflow: beyond its mailbox requests are dropped and their streams reset."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)
    reply_errors = (PeerOffline, TimedOut, ResourceExhausted)

    def __init__(self, peer: PeerId, setting: PeerSetting) -> None:
        super().__init__()
        self._peer = peer
        self._setting = setting
        self._is_woken = False  # before, it knows no address but those that it was asked with
        self._sessions = LiveSessions(setting.us, peer, setting.routes)
        # One of each bound method for all parts: a node may have hundreds of peers, and most of them rest.
        spawn, send_after = self.spawn, self.send_after
        self._pings = Pings(peer, setting.limits, spawn=spawn, measured=self._report)
        self._acquaintance = Acquaintance(
            peer,
            ref=self.ref,
            manager=setting.manager,
            visits=setting.visits,
            sessions=self._sessions,
            news=News(peer, setting.subscribers, Alarm(send_after, _STAYED), setting.limits.greeting_delay),
            pings=self._pings,
        )
        self._life = Life(
            peer,
            setting,
            sessions=self._sessions,
            acquaintance=self._acquaintance,
            ref=self.ref,
            spawn=spawn,
            send_after=send_after,
            end=self.stop,
        )
        self._reported: Report | None = None

    def __repr__(self) -> str:
        return f"Peer({self._peer.short}, {self._life.state.value}, {len(self._sessions)} sessions)"

    async def on_start(self) -> None:
        """Ask the manager what is known of this peer."""
        self._setting.manager.tell(Started(self._peer))
        self._life.begin()

    async def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002  # whatever the reason, the peer is down
        """Say that the peer is down: its sessions end with this actor."""
        self._setting.routes.prefer(self._peer, None)
        self._acquaintance.end()
        self._acquaintance.down()

    # --- what others ask ---

    @receives(Wake)
    def wake(self, message: Wake) -> None:
        """Take over what the manager knows; dial if the peer is kept."""
        if message.entry is None:
            self._setting.manager.tell(Started(self._peer))
            return
        life = self._life
        life.entry = message.entry
        self._is_woken = True
        self._reported = None  # whoever sends it may be a new manager
        if life.entry.kept:
            self._acquaint()
        if (life.entry.kept or life.waiting) and life.state is State.IDLE:
            self._feed(Input.WANTED)
        else:
            self._report()

    @receives(OpenStream)
    def open_stream(self, message: OpenStream) -> None:
        """Open a stream on the best session, dialling first if there is none."""
        reply = self.defer()
        waiter = Waiter(message.deadline, reply, lambda live: self._open_on(live, message, reply))
        self._want(message.peer, waiter, message.addresses, visit=message.visit)

    @receives(Connect)
    def connect(self, message: Connect) -> None:
        """Have a session."""
        reply = self.defer()
        waiter = Waiter(message.deadline, reply, lambda _live: reply.set(None))
        self._want(message.peer, waiter, message.addresses)

    @receives(DialAt)
    def dial_at(self, message: DialAt) -> None:
        """Find the peer at one address for a person, beside whatever else is under way."""
        self._check(message.peer)
        self._given().ask(message.address, self.defer())

    @receives(DialledAt)
    def dialled_at(self, message: DialledAt) -> None:
        """The address led to the peer, or not."""
        if message.failure is None:
            self._acquaint()
        self._given().ended(message)

    def _given(self) -> GivenAddresses:
        return GivenAddresses(
            self._peer,
            sessions=self._sessions,
            pings=self._pings,
            dials=self._life.dials,
            spawn=self.spawn,
            ref=self.ref,
        )

    @receives(PingPeer)
    def ping(self, message: PingPeer) -> None:
        """One round trip on the best session, dialling first if there is none."""
        reply = self.defer()
        self._want(message.peer, Waiter(message.deadline, reply, lambda live: self._pings.ask(live, reply)))

    @receives(Disconnect)
    def disconnect(self, _message: Disconnect) -> None:
        """Have no session and no dial, until somebody wants the peer."""
        if not self._life.entry.kept:  # else a person connected again meanwhile
            self._feed(Input.RELEASED)

    def _check(self, peer: PeerId) -> None:
        if peer != self._peer:
            raise PeerOffline(f"{peer} shares its short id with {self._peer}, which is known here already.")

    def _want(self, peer: PeerId, waiter: Waiter, addresses: Sequence[Multiaddr] = (), *, visit: bool = False) -> None:
        try:
            self._check(peer)
        except PeerOffline as error:
            waiter.reply.fail(error)
            return
        if self._sessions.best is None:
            self._life.dials.ask(addresses, now=not visit)
        if self._life.waiting.enter(waiter):
            if not visit:
                self._acquaint()
            if self._is_woken or self._life.dials.asked:
                self._feed(Input.WANTED)

    # --- acquaintance or visits ---

    def _acquaint(self) -> None:
        if self._acquaintance.make(up=self._life.state is State.UP, chosen=self._life.chosen):
            self._report()

    @receives(Used)
    def used(self, _message: Used) -> None:
        """The peer speaks of something else than a visitor would."""
        self._acquaint()

    @receives(EndVisit)
    def end_visit(self, _message: EndVisit) -> None:
        """Others are visited now."""
        if not self._acquaintance.made:
            self._sessions.close(dialled=True)

    # --- sessions ---

    @receives(AdoptSession)
    async def adopt_session(self, message: AdoptSession) -> None:
        """Take an established session in, whoever dialled it."""
        established, limits = message.established, self._setting.limits
        if message.dial is not None and not self._life.dials.counts(message.dial):
            message.dispose()
            return
        if established.peer != self._peer or len(self._sessions) >= limits.sessions_per_peer:
            message.dispose()
            return
        number = self._sessions.next_number()
        visit = message.dialled is not None and not self._acquaintance.made
        spec = session_spec(number, message, peer=self.ref, setting=self._setting, visit=visit)
        try:
            ref = await self.start_child(spec)
        except ActorError:
            message.dispose()
            return
        dialled = None if message.dialled is None else message.dialled.without_peer
        live = Live(Candidate(number, dialled_here=dialled is not None), established, ref, dialled)
        for rival in self._sessions:
            # It may be what is left of a connection that the other end lost: an unanswered ping ends it.
            self._pings.probe(rival)
        self._sessions.add(live)
        self.monitor(ref)
        self._life.dials.succeeded()
        self._feed(Input.SESSION_UP)
        self._acquaintance.adopted(live)

    @receives(Stayed)
    def stayed(self, _message: Stayed) -> None:
        """A stranger did not leave at once."""
        self._acquaintance.stayed()

    @receives(Down)
    def session_ended(self, message: Down) -> None:
        """One of the sessions ended or crashed."""
        self.demonitor(message.ref)
        self._remove(self._sessions.at(message.path))

    @receives(Left)
    def left(self, message: Left) -> None:
        """The peer takes no new streams on this session; it drains by itself and counts no more."""
        self._remove(self._sessions.get(message.number))

    def _remove(self, live: Live | None) -> None:
        if live is None:
            return
        self._sessions.remove(live)
        if self._sessions:
            self._setting.inquirer.tell(PeerStands(self._peer))
            self._life.serve()
            self._report()
        else:
            self._feed(Input.LOST_KEPT if self._life.entry.kept else Input.LOST)
            if self._life.waiting:
                self._feed(Input.WANTED)

    @receives(Identified)
    def identified(self, message: Identified) -> None:
        """The peer said what it is and where it listens."""
        live = self._sessions.get(message.number)
        if live is None:
            return
        if not self._setting.visiting.intersection(message.info.protocols):
            self._acquaint()  # it could not be asked anything: so it isn't that for which they met
        live.agent, live.listens = message.info.agent, message.info.addresses
        self._acquaintance.introduced(live)
        self._report()

    @staticmethod
    def _open_on(live: Live, message: OpenStream, reply: Reply) -> None:
        try:
            stream = live.established.handle.open(message.protocol)
        except BeamError as error:
            reply.fail(error)
        else:
            reply.set(OpenedStream(stream, live.dialled))

    # --- dialling ---

    @receives(DialEnded)
    def dial_ended(self, message: DialEnded) -> None:
        """The dial's worker is done; a success has sent its session before."""
        life, dials = self._life, self._life.dials
        if not dials.ended(message.number):
            return
        if message.failure is None and life.state is not State.DIALLING:
            return
        # Still dialling after a success: the session ended before it was taken in.
        dials.failure = message.failure or ENDED_AT_ONCE
        if dials.asked and life.waiting:
            dials.start()  # somebody came with an address that this dial did not know
            return
        dials.gave_up()
        self._feed(Input.DIAL_FAILED_KEPT if life.entry.kept else Input.DIAL_FAILED)

    @receives(Retry)
    def retry(self, _message: Retry) -> None:
        """The back-off is over, or a part of it."""
        self._life.retry()
        self._report()

    @receives(Lingered)
    def lingered(self, _message: Lingered) -> None:
        """Nobody wanted the peer for a while."""
        self._feed(Input.LINGERED)

    # --- inside ---

    def _feed(self, happened: Input) -> None:
        self._life.feed(happened)
        self._report()

    def _report(self) -> None:
        status = self._sessions.status(self._life.state, kept=self._life.entry.kept, failure=self._life.dials.failure)
        report = Report(status, self._sessions.accepted_from())
        if report != self._reported:
            self._reported = report
            self._setting.manager.tell(report)
