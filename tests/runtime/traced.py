"""An actor in which a message can come to everything, and the steps of the tests that trace it."""

import attrs
import trio

from beam_actors.runtime import ChildSpec, receives
from tests.runtime.rig import Echo


@attrs.frozen
class Aside:
    pass


@attrs.frozen
class Back:
    pass


@attrs.frozen
class Via:
    to: object
    message: object


@attrs.frozen
class Watch:
    ref: object


@attrs.frozen
class Serve:
    seconds: float


class Many(Echo):
    """All that a message can come to."""

    @receives(Aside)
    def aside(self, _message):
        if self.reply is None:
            self.stash()
            return None
        return "after all"

    @receives(Back)
    def back(self, _message):
        self.reply = object()
        self.unstash()

    @receives(Via)
    def via(self, message):
        message.to.tell(message.message)

    @receives(Watch)
    def watch(self, message):
        self.monitor(message.ref)

    @receives(Serve)
    def serve(self, message):
        self.spawn(self.answer, message.seconds, self.defer(), name="answer")

    async def answer(self, seconds, reply):
        await trio.sleep(seconds)
        reply.set(41)


def many(name="a", **options):
    return ChildSpec(name, Many, **options)


async def collect(trace, number):
    with trio.fail_after(100):
        return [await anext(trace) for _ in range(number)]


async def rest(trace):
    with trio.fail_after(100):
        return [record async for record in trace]
