"""The actor of one offered tunnel: checks who asks, dials the declared target, answers, and splices.

The invariant: what it dials is the target of its spec, checked anew each time against the daemon's own listeners. From
the splice on it sees no bytes; the splices carry its path as their tag, so a restart keeps them.
"""

import trio

from beam_actors.errors import BeamError, NetworkError, NotAllowed, ResourceExhausted, TimedOut
from beam_actors.flow import Flow, Stream
from beam_actors.runtime import Actor, Mailbox, Overflow, Reply, receives
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.live import Live
from beam_actors.tunnels.messages import Describe, Reach, Reached, Serve, TunnelStatus
from beam_actors.tunnels.protocol import Answer, Status, encode_answer
from beam_actors.tunnels.quota import Quota
from beam_actors.tunnels.refusals import refusal, refuse
from beam_actors.tunnels.spec import TunnelSpec
from beam_actors.tunnels.targets import TargetCheck
from beam_actors.values import PeerId

_BUSY = Answer(status=Status.BUSY)
_OK = encode_answer(Answer(status=Status.OK))


class OfferedTunnel(Actor):
    """One tunnel. Overflow: beyond its mailbox a request is dropped, which resets its stream."""

    mailbox = Mailbox(capacity=1024, overflow=Overflow.DROP_NEWEST)
    reply_errors = (ResourceExhausted,)

    def __init__(
        self, spec: TunnelSpec, *, flow: Flow, limits: TunnelsLimits, live: Live, check_target: TargetCheck
    ) -> None:
        super().__init__()
        self._spec = spec
        self._flow = flow
        self._limits = limits
        self._live = live
        self._check_target = check_target
        self._serving = Quota(total=limits.requests, per_peer=limits.requests_per_peer)
        self._refusing = Quota(total=limits.refusals, per_peer=limits.refusals_per_peer)
        self._reaching = 0
        self._refused = self._failed = 0

    def __repr__(self) -> str:
        return f"OfferedTunnel({self._spec.key} -> {self._spec.target})"

    @receives(Serve)
    def serve(self, message: Serve) -> None:
        """Begin to serve one request; beyond the bounds say so, and beyond those of saying so reset it."""
        if self._serving.take(message.peer):
            self.spawn(self._carry, message)
            return
        self._refused += 1
        if self._refusing.take(message.peer):
            self.spawn(self._turn_away, message)
        else:
            message.stream.abort()

    @receives(Reach)
    def reach(self, _message: Reach) -> None:
        """Connect a program of this machine to the target: no wire lies between, and no rule but the target's."""
        if self._reaching >= self._limits.local_requests:
            self._refused += 1
            raise refusal(_BUSY, self._spec.key)
        self._reaching += 1
        self.spawn(self._reach_here, self.defer())

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

    async def _reach_here(self, reply: Reply) -> None:
        try:
            reached = self._refused_by(None) or await self._dial()
        finally:
            self._reaching -= 1
        if isinstance(reached, Answer):
            reply.fail(refusal(reached, self._spec.key))
            return
        reached.tag(self.path)  # whoever splices it tags it with a path of its own: a withdrawal must find it, too
        reply.set(Reached(reached))

    async def _carry(self, message: Serve) -> None:
        stream, tags = message.stream, self._live.tags(message.peer, self.path)
        taken = False
        try:
            reached: Stream | Answer | None = self._refused_by(message.peer)
            if reached is None:
                taken = self._live.take(tags)
                reached = await self._dial() if taken else self._refused_as(_BUSY)
            if isinstance(reached, Answer):
                await refuse(stream, reached, seconds=self._limits.request_timeout)
                return
            try:
                if (said := stream.write_nowait(_OK)) < len(_OK):
                    with trio.fail_after(self._limits.request_timeout):
                        await stream.write(_OK[said:])
                stream.splice(reached, tags)
            except BaseException:
                reached.abort()
                raise
        except (NetworkError, trio.TooSlowError):
            self._failed += 1
            stream.abort()  # the visitor is gone, or the target just went
        finally:
            if taken:
                self._live.give(tags)
            self._serving.give(message.peer)

    async def _turn_away(self, message: Serve) -> None:
        try:
            answer = self._refusal_of(message.peer) or _BUSY
            await refuse(message.stream, answer, seconds=self._limits.request_timeout)
        finally:
            self._refusing.give(message.peer)

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
        except TimedOut:
            answer = Answer(status=Status.TIMED_OUT)
        except ResourceExhausted:
            answer = _BUSY
        except NetworkError:
            answer = Answer(status=Status.TARGET_DOWN)
        except BeamError as error:
            answer = Answer(status=Status.FAILED, message=error.code)
        self._failed += 1
        return answer
