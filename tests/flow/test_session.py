import pytest

from beam_actors.errors import ConnectionLost
from beam_actors.flow import SessionDown
from beam_actors.wire import PeerIdentified, PeerLeaving
from tests.flow.rig import FakeOwner, Rig, on_both, read_all, send_all
from tests.flow.sessions import ECHO, KEYS, channel, sessions


@on_both
async def test_up_streams_and_down(rig: Rig) -> None:
    ends = await sessions(rig)
    assert ends.a.peer == KEYS[1].peer_id
    assert ends.b.peer == KEYS[0].peer_id
    here, there = await channel(ends)
    await send_all(here, b"question")
    assert await read_all(there) == b"question"
    await send_all(there, b"answer")
    assert await read_all(here) == b"answer"
    await ends.owner_a.expect(PeerIdentified)
    assert 0 <= await ends.a.ping() < 5
    assert ends.a.statistics().rtt is not None
    other, _peer_end = await channel(ends)
    await ends.a.close()
    assert (await ends.owner_a.expect(SessionDown)).error is None
    assert isinstance((await ends.owner_b.expect(SessionDown)).error, ConnectionLost)  # a stream was cut by it
    for use in (other.read(), other.write(b"x")):
        with pytest.raises(ConnectionLost):
            await use
    with pytest.raises(ConnectionLost):
        ends.a.open(ECHO)
    with pytest.raises(ConnectionLost):
        await ends.a.ping()
    assert not [message for message in ends.owner_a.inbox if isinstance(message, SessionDown)]  # told once
    repr((ends.a, ends.b, other))


@on_both
async def test_an_idle_session_ends_in_order_at_both_ends(rig: Rig) -> None:
    ends = await sessions(rig)
    await ends.owner_a.expect(PeerIdentified)
    await ends.owner_b.expect(PeerIdentified)
    await ends.a.ping()
    await ends.a.close()
    assert (await ends.owner_a.expect(SessionDown)).error is None
    assert (await ends.owner_b.expect(SessionDown)).error is None


@on_both
async def test_the_session_dies_with_its_owner_or_lives_on_with_another(rig: Rig) -> None:
    ends = await sessions(rig)
    heir = FakeOwner("heir")
    ends.a.adopt(heir)
    rig.pump.owner_ended("session/a")
    assert ends.a.is_open
    rig.pump.owner_ended("heir")
    assert isinstance((await ends.owner_b.expect(SessionDown)).error, ConnectionLost)
    assert heir.inbox == []  # nobody is told who isn't there


@on_both
async def test_leaving_takes_no_new_streams(rig: Rig) -> None:
    ends = await sessions(rig)
    here, there = await channel(ends)
    ends.b.leave()
    await ends.owner_a.expect(PeerLeaving)
    with pytest.raises(ConnectionLost):
        ends.a.open(ECHO)
    await here.write(b"old ones go on")
    assert await there.read() == b"old ones go on"
