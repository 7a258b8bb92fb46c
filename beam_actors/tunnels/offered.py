"""The actor of one offered tunnel: checks who asks, dials the declared target, answers, and splices.

The invariant: what it dials is the target of its spec, checked anew each time against the daemon's own listeners. From
the splice on it sees no bytes; the splices carry its path as their tag, so a restart keeps them.
"""

from functools import partial

from beam_actors.errors import BeamError, NetworkError, NotAllowed, ResourceExhausted, TimedOut
from beam_actors.flow import Flow, Stream
from beam_actors.runtime import Actor, ExitReason, Mailbox, Overflow, Reply, receives
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.live import Live, Tags
from beam_actors.tunnels.messages import Describe, DialTarget, Serve, TargetStream, TunnelStatus, TurnAway
from beam_actors.tunnels.protocol import OK, Answer, Status
from beam_actors.tunnels.quota import Quota
from beam_actors.tunnels.refusals import refusal, refuse
from beam_actors.tunnels.spec import TunnelSpec
from beam_actors.tunnels.targets import TargetCheck
from beam_actors.values import PeerId

_BUSY = Answer(status=Status.BUSY)


class OfferedTunnel(Actor):
    """One tunnel. Overflow: beyond its mailbox a request is dropped, which resets its stream."""

    mailbox = Mailbox(capacity=1024, overflow=Overflow.DROP_NEWEST)
    reply_errors = (ResourceExhausted,)

    def __init__(
        self,
        spec: TunnelSpec,
        *,
        flow: Flow,
        limits: TunnelsLimits,
        live: Live,
        directory: Directory,
        check_target: TargetCheck,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._flow = flow
        self._limits = limits
        self._live = live
        self._directory = directory
        self._check_target = check_target
        self._serving = Quota(total=limits.requests, per_peer=limits.requests_per_peer)
        self._refusing = Quota(total=limits.refusals, per_peer=limits.refusals_per_peer)
        self._dialling = 0
        self._refused = self._failed = 0

    def __repr__(self) -> str:
        return f"OfferedTunnel({self._spec.key} -> {self._spec.target})"

    async def on_start(self) -> None:
        """Serve those whose request has come whole without a message."""
        self._directory.enter(self._spec.key, self.serve_now)

    async def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002  # whatever the reason, it serves nobody
        """Serve no more."""
        self._directory.leave(self._spec.key, self.serve_now)

    def serve_now(self, peer: PeerId, stream: Stream, size: int) -> bool:
        """Serve a request of so many bytes in the pump, unless it is to be refused."""
        tags = self._live.tags(peer, self.path)
        if self._refusal_of(peer) is not None or not self._serving.take(peer):
            return False
        if not self._live.take(tags):
            self._serving.give(peer)
            return False
        self._begin(peer, stream, tags, size)
        return True

    @receives(Serve)
    def serve(self, message: Serve) -> None:
        """Begin to serve one request; beyond the bounds say so, and beyond those of saying so reset it."""
        peer, stream = message.peer, message.stream
        if not self._serving.take(peer):
            self._refused += 1
            if self._refusing.take(peer):
                said = self._refusal_of(peer) or _BUSY
                self.spawn(self._say_no, TurnAway(stream, said, partial(self._refusing.give, peer)))
            else:
                stream.abort()
            return
        answer = self._refused_by(peer)
        tags = self._live.tags(peer, self.path)
        if answer is None and not self._live.take(tags):
            answer = self._refused_as(_BUSY)
        if answer is None:
            self._begin(peer, stream, tags)
        else:
            self.spawn(self._say_no, TurnAway(stream, answer, partial(self._serving.give, peer)))

    @receives(TurnAway)
    def turn_away(self, message: TurnAway) -> None:
        """Say it; who does not take it in time is reset."""
        self.spawn(self._say_no, message)

    @receives(DialTarget)
    def dial_target(self, _message: DialTarget) -> None:
        """Connect a program of this machine to the target: no wire lies between, and no rule but the target's."""
        if self._dialling >= self._limits.local_requests:
            self._refused += 1
            raise refusal(_BUSY, self._spec.key)
        self._dialling += 1
        self.spawn(self._dial_here, self.defer())

    @receives(Describe)
    def describe(self, _message: Describe) -> TunnelStatus:
        """How it stands."""
        return TunnelStatus(
            spec=self._spec,
            running=True,
            traffic=self._flow.traffic(self.path),
            refused=self._refused,
            failed=self._failed,
        )

    async def _dial_here(self, reply: Reply) -> None:
        try:
            dialled = self._refused_by(None) or await self._dial()
        finally:
            self._dialling -= 1
        if isinstance(dialled, Answer):
            reply.fail(refusal(dialled, self._spec.key))
            return
        dialled.tag(self.path)  # whoever splices it tags it with a path of its own: a withdrawal must find it, too
        reply.set(TargetStream(dialled))

    def _begin(self, peer: PeerId, stream: Stream, tags: Tags, size: int = 0) -> None:
        """Take the request of so many bytes, if it is still there, and go on; a bug gives back the stream's places."""
        try:
            if size:
                stream.read_nowait(size)
                stream.adopt(self.ref)
            self._join(peer, stream, tags)
        except BaseException:
            self._live.give(tags)  # which outlives the actor that this crashes
            self._serving.give(peer)
            raise

    def _join(self, peer: PeerId, stream: Stream, tags: Tags) -> None:
        """Have the pump dial the target for a stream that has its places, and splice them."""
        told = partial(self._joined, peer, stream, tags)
        try:
            self._flow.splices.open_account(self.path)
        except BeamError as error:  # the pump restarts
            told(error, 0)
            return
        self._flow.join(
            stream,
            self._spec.target,
            self.ref,
            timeout=self._limits.target_timeout,
            greeting=OK,
            tags=tags,
            told=told,
        )

    def _joined(self, peer: PeerId, stream: Stream, tags: Tags, error: BeamError | None, _sent: int) -> None:
        self._live.give(tags)  # what is spliced is counted there
        if error is None:
            self._serving.give(peer)
            return
        self._failed += 1
        if stream.error is not None:
            self._serving.give(peer)  # the visitor is gone
        else:
            self.ref.tell(TurnAway(stream, _answer_to(error), partial(self._serving.give, peer)))

    async def _say_no(self, message: TurnAway) -> None:
        try:
            await refuse(message.stream, message.answer, seconds=self._limits.request_timeout)
        finally:
            message.release()

    def _refused_as(self, answer: Answer) -> Answer:
        self._refused += 1
        return answer

    def _refused_by(self, peer: PeerId | None) -> Answer | None:
        answer = self._refusal_of(peer)
        return None if answer is None else self._refused_as(answer)

    def _refusal_of(self, peer: PeerId | None) -> Answer | None:
        """What a peer (None: this machine) is told that may not come in, however it stands with the target."""
        spec = self._spec
        try:
            if peer is not None and not spec.access.permits(peer):
                raise NotAllowed("Ask its owner to allow your peer id.")  # noqa: TRY301  # refused like the target
            self._check_target(spec.target)
        except NotAllowed as error:
            return Answer(status=Status.REFUSED, message=str(error))
        return None

    async def _dial(self) -> Stream | Answer:
        """A connection to the target, or the answer that says why there is none."""
        try:
            self._flow.splices.open_account(self.path)
            return await self._flow.dial(self._spec.target, self.ref, timeout=self._limits.target_timeout)
        except BeamError as error:
            self._failed += 1
            return _answer_to(error)


def _answer_to(error: BeamError) -> Answer:
    """What is said of a target that was not reached."""
    match error:
        case TimedOut():
            answer = Answer(status=Status.TIMED_OUT)
        case ResourceExhausted():
            answer = _BUSY
        case NetworkError():
            answer = Answer(status=Status.TARGET_DOWN)
        case _:
            answer = Answer(status=Status.FAILED, message=error.code)
    return answer
