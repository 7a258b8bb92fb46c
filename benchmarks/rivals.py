"""What trio alone and pykka do of the work in `our_runtime`, each in the plainest way that it offers."""

import threading
from typing import Any

import pykka
import trio

from benchmarks.our_runtime import BURST, Number, Question, now


class Threaded(pykka.ThreadingActor):
    """Pykka's own kind of actor."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.arrived = threading.Event()

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Question):
            return message.value
        self.count += 1
        if self.count % BURST == 0:
            self.arrived.set()
        return None


# --- telling ---


def trio_send(bursts: int) -> float:
    async def main() -> float:
        send, receive = trio.open_memory_channel[Number](BURST)
        arrived = trio.Event()

        async def take() -> None:
            count = 0
            async for _message in receive:
                count += 1
                if count % BURST == 0:
                    arrived.set()

        async with trio.open_nursery() as nursery, send:
            nursery.start_soon(take)
            start = now()
            for _ in range(bursts):
                arrived = trio.Event()
                for number in range(BURST):
                    send.send_nowait(Number(number))
                await arrived.wait()
            seconds = now() - start
        return seconds / (bursts * BURST)

    return trio.run(main)


def pykka_tell(bursts: int) -> float:
    ref = Threaded.start()
    actor: Any = ref._actor_weakref()  # noqa: SLF001 (the event of the burst is not a message)
    start = now()
    for _ in range(bursts):
        actor.arrived = arrived = threading.Event()
        for number in range(BURST):
            ref.tell(Number(number))
        arrived.wait()
    seconds = now() - start
    ref.stop()
    return seconds / (bursts * BURST)


# --- asking ---


def trio_request(count: int) -> float:
    async def main() -> float:
        ask, asked = trio.open_memory_channel[Question](1)
        answer, answered = trio.open_memory_channel[int](1)

        async def serve() -> None:
            async for message in asked:
                answer.send_nowait(message.value)

        async with trio.open_nursery() as nursery, ask:
            nursery.start_soon(serve)
            start = now()
            for number in range(count):
                ask.send_nowait(Question(number))
                await answered.receive()
            seconds = now() - start
        return seconds / count

    return trio.run(main)


def trio_request_awaited(count: int) -> float:
    async def main() -> float:
        ask, asked = trio.open_memory_channel[Question](0)
        answer, answered = trio.open_memory_channel[int](0)

        async def serve() -> None:
            async for message in asked:
                await answer.send(message.value)

        async with trio.open_nursery() as nursery, ask:
            nursery.start_soon(serve)
            start = now()
            for number in range(count):
                await ask.send(Question(number))
                await answered.receive()
            seconds = now() - start
        return seconds / count

    return trio.run(main)


def pykka_ask(count: int) -> float:
    ref = Threaded.start()
    start = now()
    for number in range(count):
        ref.ask(Question(number))
    seconds = now() - start
    ref.stop()
    return seconds / count


# --- starting ---


def trio_start(count: int) -> float:
    async def main() -> float:
        running = 0

        async def idle() -> None:
            nonlocal running
            running += 1
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            start = now()
            for _ in range(count):
                nursery.start_soon(idle)
            while running < count:
                await trio.lowlevel.checkpoint()
            seconds = now() - start
            nursery.cancel_scope.cancel()
        return seconds / count

    return trio.run(main)


def trio_start_acknowledged(count: int) -> float:
    async def main() -> float:
        async def idle(*, task_status: trio.TaskStatus[None]) -> None:
            task_status.started()
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            start = now()
            for _ in range(count):
                await nursery.start(idle)
            seconds = now() - start
            nursery.cancel_scope.cancel()
        return seconds / count

    return trio.run(main)


def pykka_start(count: int) -> float:
    count = min(count, 500)  # threads
    start = now()
    refs = [Threaded.start() for _ in range(count)]
    seconds = now() - start
    for ref in refs:
        ref.stop()
    return seconds / count
