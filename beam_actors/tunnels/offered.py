"""The actor of one offered tunnel: checks who asks, dials the declared target, answers, and splices.

The invariant: what it dials is the target of its spec, checked anew each time against the daemon's own listeners. From
the splice on it sees no bytes; the splices carry its path as their tag, so a restart keeps them.
"""

from collections import Counter
from collections.abc import Callable, Collection

import trio

from beam_actors.errors import BeamError, NetworkError, NotAllowed, ResourceExhausted, TimedOut
from beam_actors.flow import Flow, Stream
from beam_actors.runtime import Actor, Mailbox, Overflow, Reply, receives
from beam_actors.tunnels.access import check_target
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.messages import Describe, Reach, Reached, Serve, TunnelStatus
from beam_actors.tunnels.opening import refusal
from beam_actors.tunnels.protocol import Answer, Status, encode_answer
from beam_actors.tunnels.spec import TunnelSpec
from beam_actors.values import PeerId, TcpAddress

Listeners = Callable[[], Collection[TcpAddress]]
"""The addresses at which the daemon itself listens now; no tunnel leads there."""


async def give_answer(stream: Stream, answer: Answer, *, seconds: float) -> None:
    """Send a refusal and end the stream; a visitor that is gone or reads nothing is reset."""
    try:
        with trio.fail_after(seconds):
            await stream.write(encode_answer(answer))
            stream.close()
    except (NetworkError, trio.TooSlowError):
        stream.abort()


class OfferedTunnel(Actor):
    """One tunnel. Overflow: beyond its mailbox a request is dropped, which resets its stream."""

    mailbox = Mailbox(capacity=1024, overflow=Overflow.DROP_NEWEST)

    def __init__(self, spec: TunnelSpec, *, flow: Flow, limits: TunnelsLimits, forbidden: Listeners) -> None:
        super().__init__()
        self._spec = spec
        self._flow = flow
        self._limits = limits
        self._forbidden = forbidden
        self._waiting: Counter[PeerId] = Counter()
        self._opened = self._refused = self._failed = 0

    def __repr__(self) -> str:
        return f"OfferedTunnel({self._spec.key} -> {self._spec.target})"

    @receives(Serve)
    def serve(self, message: Serve) -> None:
        """Begin to serve one request, within the bounds."""
        busy = (
            self._waiting.total() >= self._limits.requests
            or self._waiting[message.peer] >= self._limits.requests_per_peer
        )
        if busy:
            self._refused += 1
            message.stream.abort()
            return
        self._waiting[message.peer] += 1
        self.spawn(self._carry, message)

    @receives(Reach)
    def reach(self, _message: Reach) -> None:
        """Connect a program of this machine to the target: no wire lies between, and no rule but the target's."""
        self.spawn(self._reach_here, self.defer())

    @receives(Describe)
    def describe(self, _message: Describe) -> TunnelStatus:
        """How it stands."""
        return TunnelStatus(
            spec=self._spec,
            running=True,
            live=len(self._flow.splices.find(self.path)),
            opened=self._opened,
            refused=self._refused,
            failed=self._failed,
        )

    async def _reach_here(self, reply: Reply) -> None:
        reached = await self._reach(None)
        if isinstance(reached, Answer):
            reply.fail(refusal(reached, self._spec.key))
        else:
            self._opened += 1
            reply.set(Reached(reached))

    async def _carry(self, message: Serve) -> None:
        stream = message.stream
        try:
            reached = await self._reach(message.peer)
            if isinstance(reached, Answer):
                await give_answer(stream, reached, seconds=self._limits.request_timeout)
                return
            try:
                with trio.fail_after(self._limits.request_timeout):
                    await stream.write(encode_answer(Answer(status=Status.OK)))
                stream.splice(reached, self.path)
                self._opened += 1
            except BaseException:
                reached.abort()
                raise
        except (NetworkError, trio.TooSlowError):
            self._failed += 1
            stream.abort()  # the visitor is gone
        finally:
            self._waiting[message.peer] -= 1
            if not self._waiting[message.peer]:
                del self._waiting[message.peer]

    async def _reach(self, peer: PeerId | None) -> Stream | Answer:
        """A connection to the target for a peer (None: for this machine), or the answer that says why not."""
        spec = self._spec
        try:
            if peer is not None and not spec.access.permits(peer):
                raise NotAllowed("Ask its owner to allow your peer id.")  # noqa: TRY301  # refused like the target
            check_target(spec.target, self._forbidden())
        except NotAllowed as error:
            self._refused += 1
            return Answer(status=Status.REFUSED, message=str(error))
        try:
            return await self._flow.dial(spec.target, self.ref, timeout=self._limits.target_timeout)
        except TimedOut:
            answer = Answer(status=Status.TIMED_OUT)
        except ResourceExhausted:
            answer = Answer(status=Status.BUSY)
        except NetworkError:
            answer = Answer(status=Status.TARGET_DOWN)
        except BeamError as error:
            answer = Answer(status=Status.FAILED, message=error.code)
        self._failed += 1
        return answer
