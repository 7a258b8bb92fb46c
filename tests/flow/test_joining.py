"""A connection that waits without a task until its stream has an answer."""

from itertools import pairwise
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError, StreamCut, TargetDown, TimedOut
from beam_actors.flow import AnswerJoining, Stream
from beam_actors.flow.joining import DialJoining
from beam_actors.flow.sockets import SocketLink
from tests.flow.joinings import NO, NOWHERE, YES, Told
from tests.flow.rig import FakeOwner, Rig, eventually, on_both, on_virtual, read_all, run
from tests.flow.sessions import Ends, channel, sessions


def hearing() -> Any:
    """Agrees to `YES` in whatever pieces, and refuses anything else."""
    heard = bytearray()

    def hear(data: memoryview) -> int | None:
        before = len(heard)
        heard.extend(data)
        if len(heard) < len(YES):
            return None
        if heard[: len(YES)] != YES:
            raise TargetDown("It said no.")
        return len(YES) - before

    return hear


class Stage:
    """A program, its connection here, the stream that was opened for it, and what the other end has of that."""

    def __init__(self, program: Stream, there: Stream, told: Told, local: Stream) -> None:
        self.program, self.there, self.told, self.local = program, there, told, local


async def joining(rig: Rig, ends: Ends | None = None, first: bytes = b"", seconds: float = 5.0) -> Stage:
    ends = ends or await sessions(rig)
    program, local = await rig.streams()
    here, there = await channel(ends)
    if first:
        await program.write(first)
        await trio.sleep(0.01)
    told = Told()
    AnswerJoining(local, here, hear=hearing(), tags=("forward",), told=told).begin(seconds)
    return Stage(program, there, told, local)


@on_both
async def test_the_first_bytes_go_ahead_and_the_rest_and_the_end_follow_the_answer(rig: Rig) -> None:
    stage = await joining(rig, first=b"hello")
    assert await stage.there.read() == b"hello"
    await stage.program.write(b" and more")
    await stage.program.shutdown()
    with trio.move_on_after(0.05):
        raise AssertionError(await stage.there.read())
    assert not stage.told.calls
    rig.flow.splices.open_account("forward")
    await stage.there.write(YES + b"welcome")
    assert await stage.program.read() == b"welcome"
    assert stage.told.calls == [(None, 5)]
    assert await read_all(stage.there) == b" and more"
    await stage.there.write(b"bye")
    await stage.there.shutdown()
    assert await read_all(stage.program) == b"bye"
    await eventually(lambda: not len(rig.flow.splices))
    traffic = rig.flow.traffic("forward")
    assert (traffic.opened, traffic.forth, traffic.back) == (1, 14, 10)
    assert rig.pump.budget.total == 0


@on_both
async def test_what_is_said_after_it_began_goes_ahead_too(rig: Rig) -> None:
    stage = await joining(rig)
    await stage.program.write(b"late")
    assert await stage.there.read() == b"late"
    await stage.there.write(YES)
    await stage.program.shutdown()
    assert await read_all(stage.there) == b""
    assert stage.told.calls == [(None, 4)]


@on_both
async def test_a_program_that_ended_before_the_answer_is_spliced_all_the_same(rig: Rig) -> None:
    stage = await joining(rig)
    await stage.program.shutdown()
    await trio.sleep(0.05)
    assert not stage.told.calls
    await stage.there.write(YES[:1])
    await trio.sleep(0.01)
    await stage.there.write(YES[1:] + b"greeting")
    await stage.there.shutdown()
    assert await read_all(stage.program) == b"greeting"
    assert await read_all(stage.there) == b""
    assert stage.told.calls == [(None, 0)]


@on_both
async def test_a_refusal_is_told_and_resets_the_stream_alone(rig: Rig) -> None:
    stage = await joining(rig, first=b"hello")
    assert await stage.there.read() == b"hello"
    await stage.there.write(NO)
    await eventually(lambda: bool(stage.told.calls))
    ((error, sent),) = stage.told.calls
    assert (type(error), sent) == (TargetDown, 5)
    await stage.local.write(b"sorry")  # it is still whoever's who is told
    assert await stage.program.read() == b"sorry"
    with pytest.raises(ConnectionLost):
        await stage.there.read()
    assert not len(rig.flow.splices)


@on_both
async def test_whichever_end_breaks_is_told_once(rig: Rig) -> None:
    ends = await sessions(rig)
    cut, ended, left, orphan = [await joining(rig, ends) for _ in range(4)]
    cut.there.abort()
    await ended.there.shutdown()
    left.program.abort()
    rig.pump.owner_ended(rig.owner.path)  # all that is left of it: the connections here belong to it
    await eventually(lambda: all(stage.told.calls for stage in (cut, ended, left, orphan)))
    kinds = [[type(error) for error, _ in stage.told.calls] for stage in (cut, ended, left, orphan)]
    assert all(len(found) == 1 for found in kinds)
    assert kinds[3] == [ConnectionLost]
    for stage in (left, orphan):
        with pytest.raises(ConnectionLost):
            await stage.there.read()


@on_both
async def test_how_the_far_end_broke_is_told_as_it_was(rig: Rig) -> None:
    ends = await sessions(rig)
    cut, ended, lost = [await joining(rig, ends) for _ in range(3)]
    cut.there.abort()
    await ended.there.shutdown()
    await eventually(lambda: bool(cut.told.calls and ended.told.calls))
    ends.b.abort()
    await eventually(lambda: bool(lost.told.calls))
    assert [type(stage.told.calls[0][0]) for stage in (cut, ended)] == [StreamCut, RemoteProtocolError]
    assert isinstance(lost.told.calls[0][0], ConnectionLost)
    assert not isinstance(lost.told.calls[0][0], StreamCut)
    assert lost.local.error is None


@on_virtual
async def test_an_answer_has_its_time(rig: Rig) -> None:
    stage = await joining(rig, seconds=4.5)
    started = trio.current_time()
    await eventually(lambda: bool(stage.told.calls))
    assert isinstance(stage.told.calls[0][0], TimedOut)
    assert 4.4 < trio.current_time() - started < 4.6
    await trio.sleep(10)
    assert len(stage.told.calls) == 1


@settings(max_examples=40, deadline=None)
@given(
    first=st.binary(max_size=40_000),
    more=st.binary(max_size=300_000),
    said=st.binary(max_size=300_000),
    cuts=st.lists(st.integers(1, 2000), max_size=3),
    seed=st.integers(0, 1 << 20),
)
def test_each_byte_arrives_in_its_place(first: bytes, more: bytes, said: bytes, cuts: list[int], seed: int) -> None:
    async def case(rig: Rig) -> None:
        stage = await joining(rig, first=first)
        got: list[bytes] = []

        async def speak(stream: Stream, pieces: list[bytes]) -> None:
            for piece in pieces:
                await stream.write(piece)
                await trio.sleep(0.001)
            await stream.shutdown()

        async def listen(stream: Stream) -> None:
            got.append(await read_all(stream))

        whole = YES + said
        at = sorted({min(sum(cuts[:number]), len(whole)) for number in range(len(cuts) + 1)} | {len(whole)})
        pieces = [whole[start:end] for start, end in pairwise(at)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(speak, stage.program, [more])
            nursery.start_soon(speak, stage.there, pieces)
            nursery.start_soon(listen, stage.program)
            await listen(stage.there)
        assert sorted(got) == sorted([first + more, said])
        assert [error for error, _ in stage.told.calls] == [None]

    run("virtual", case, seed=seed)


@on_virtual
async def test_what_can_not_be_joined_is_left_as_it_was(rig: Rig) -> None:
    (program, local), (far, other) = await rig.streams(), await rig.streams()
    told = Told()
    with pytest.raises(LocalProtocolError):
        AnswerJoining(local, far, hear=hearing(), tags=(), told=told)
    await program.write(b"hello")
    assert await local.read() == b"hello"
    await other.write(b"bye")
    assert await far.read() == b"bye"
    far.abort()
    assert not told.calls


@on_virtual
async def test_what_they_are_can_be_read(rig: Rig) -> None:
    here, there = await channel(await sessions(rig))
    _, local = await rig.streams()
    join = AnswerJoining(local, here, hear=hearing(), tags=(), told=Told())
    assert "unanswered" in repr(join)
    link = SocketLink(rig.pump, rig.pump.driver.dial(NOWHERE), FakeOwner())
    assert "dialling" in repr(DialJoining(there, link, greeting=YES, tags=(), told=Told()))
