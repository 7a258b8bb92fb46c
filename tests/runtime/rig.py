"""Actors and messages that the tests of the runtime share."""

import attrs
import trio

from beam_actors.runtime import NORMAL, Actor, ChildSpec, Down, Supervisor, System, receives


@attrs.frozen
class Say:
    text: str


@attrs.frozen
class Fail:
    error: Exception


@attrs.frozen
class Slow:
    seconds: float


@attrs.frozen
class Later:
    pass


@attrs.frozen
class AskOther:
    other: object


class Refused(Exception):
    pass


class Echo(Actor):
    reply_errors = (Refused,)

    def __init__(self, log=None):
        super().__init__()
        self.log = log if log is not None else []
        self.reply = None

    async def on_start(self):
        self.log.append("start")

    async def on_stop(self, reason):
        self.log.append(f"stop {reason.kind.value}")

    @receives(Say)
    def say(self, message):
        self.log.append(message.text)
        return message.text

    @receives(Fail)
    def fail(self, message):
        raise message.error

    @receives(Slow)
    async def slow(self, message):
        await trio.sleep(message.seconds)
        return "slept"

    @receives(Later)
    def later(self, _message):
        self.reply = self.defer()

    @receives(AskOther)
    async def ask_other(self, message):
        return await message.other.ask(AskOther(self.ref))

    @receives(Down)
    def down(self, message):
        self.log.append(message)


class Disposable:
    def __init__(self):
        self.disposed = 0

    def dispose(self):
        self.disposed += 1


@attrs.frozen
class End:
    reason: object = NORMAL


@attrs.frozen
class Hang:
    pass


@attrs.frozen
class Adopt:
    spec: ChildSpec


class Child(Actor):
    def __init__(self, log=None):
        super().__init__()
        self.log = log

    async def on_start(self):
        if self.log is not None:
            self.log.append(("start", self.path.rpartition("/")[2]))

    async def on_stop(self, reason):
        if self.log is not None:
            self.log.append(("stop", self.path.rpartition("/")[2]))

    @receives(End)
    def end(self, message):
        self.stop(message.reason)

    @receives(Hang)
    async def hang(self, _message):
        await trio.sleep_forever()

    @receives(Adopt)
    async def adopt(self, message):
        return await self.start_child(message.spec)


def system():
    return System("test", clock=trio.current_time)


def specs(log, *names, **options):
    return [ChildSpec(name, lambda: Child(log), **options) for name in names]


def incarnations(here, *names):
    return [here.ref(f"node/{name}").incarnation for name in names]


async def run_with(body, *specs, **kwargs):
    here = system()
    with trio.fail_after(1000):
        async with here.run(ChildSpec("node", lambda: Supervisor(specs, **kwargs))):
            await body(here)
    return here
