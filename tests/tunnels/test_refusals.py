import pytest
import trio

from beam_actors.errors import BeamError, ConnectionLost, ResourceExhausted, TargetDown, TunnelRefused
from beam_actors.tunnels.opening import read_message
from beam_actors.tunnels.protocol import Answer, Status, decode_answer
from beam_actors.tunnels.refusals import refusal, refuse
from tests.flow.rig import Rig, run

BUSY = Answer(status=Status.BUSY, message="Later.")


def test_every_no_is_an_error_in_words():
    for status in set(Status) - {Status.OK}:
        error = refusal(Answer(status=status, message="Because."), "web, port 80")
        assert isinstance(error, BeamError)
        assert str(error).startswith("web, port 80: ")
        assert str(error).endswith("(Because.).")


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (Status.BUSY, ResourceExhausted, "too many connections open or waiting; try again in a moment."),
        (Status.FAILED, TargetDown, "its owner's daemon failed."),
        (Status.UNSUPPORTED, TunnelRefused, "speaks another version."),
    ],
)
def test_what_some_of_them_are(status, kind, words):
    error = refusal(Answer(status=status), "web")
    assert type(error) is kind
    assert str(error).endswith(words)


def test_the_answer_arrives_whatever_was_sent_behind_the_request():
    async def case(rig: Rig) -> None:
        visitor, owner = await rig.streams()
        await visitor.write(bytes(50_000))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: refuse(owner, BUSY, seconds=5))
            await trio.sleep(1)
            assert decode_answer(await read_message(visitor)) == BUSY
            await visitor.write(bytes(50_000))
            assert await visitor.read() == b""
            visitor.close()
        assert rig.pump.statistics().links == 0

    run("virtual", case)


async def write_for_ever(stream):
    while True:
        await stream.write(bytes(1 << 16))


def test_a_visitor_that_does_not_end_is_reset_when_the_time_is_over():
    async def case(rig: Rig) -> None:
        visitor, owner = await rig.streams()
        started = trio.current_time()
        await refuse(owner, BUSY, seconds=5)
        assert 5 <= trio.current_time() - started < 6
        with pytest.raises(ConnectionLost):
            await write_for_ever(visitor)
        assert rig.pump.statistics().links == 0

    run("virtual", case)


def test_a_visitor_that_never_stops_sending_is_reset_before_that():
    async def case(rig: Rig) -> None:
        visitor, owner = await rig.streams()
        started = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: refuse(owner, BUSY, seconds=5))
            with pytest.raises(ConnectionLost):
                await write_for_ever(visitor)
        assert trio.current_time() - started < 5
        assert rig.pump.statistics().links == 0

    run("virtual", case)


def test_a_visitor_that_is_gone_costs_nothing():
    async def case(rig: Rig) -> None:
        visitor, owner = await rig.streams()
        visitor.abort()
        started = trio.current_time()
        await refuse(owner, BUSY, seconds=5)
        assert trio.current_time() - started < 1
        assert rig.pump.statistics().links == 0

    run("virtual", case)
