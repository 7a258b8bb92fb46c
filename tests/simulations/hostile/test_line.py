import pytest
import trio

from beam_actors.errors import ConnectionLost
from beam_actors.naming import PROTOCOL
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Ask, Done, Push
from beam_actors.values import Name
from beam_actors.wire import Role
from simulations.hostile.line import Line
from tests.simulations.hostile.street import NAME, play


def over_a_line(attack):
    """Run `attack(street, line)` in a session with the owner, as a corpse's that nobody else disturbs."""
    done = []

    async def scene(one):
        stream = await one.program.connect(one.addresses[0].tcp)
        session = one.attacker.session(Role.INITIATOR, expected=one.addresses[0].peer)

        async def body(line):
            await attack(one, line)
            done.append(True)

        assert await Line(stream, session, one.attacker.answer).run(body)

    play("corpse", scene, seconds=1)
    assert done == [True]


def test_a_talk_carries_a_conversation_both_ways():
    async def attack(one, line):
        assert line.victim == one.owner.peers.us
        talk = Conversation(line.open(PROTOCOL), timeout=5)
        await talk.send(Ask(Name(NAME)))
        message = await talk.receive()
        assert isinstance(message, Push)
        assert len(message.claims) == 1
        assert await talk.receive() == Done()

    over_a_line(attack)


def test_a_stream_that_the_victim_refuses_breaks_and_the_line_goes_on():
    async def attack(one, line):
        with pytest.raises(ConnectionLost):
            await line.open("/no/such/thing/1").read()
        talk = Conversation(line.open(PROTOCOL), timeout=5)
        await talk.send(Ask(Name(NAME)))
        assert isinstance(await talk.receive(), Push)

    over_a_line(attack)


def test_what_goes_on_over_a_line_ends_with_its_connection():
    async def scene(one):
        stream = await one.program.connect(one.addresses[0].tcp)
        session = one.attacker.session(Role.INITIATOR, expected=one.addresses[0].peer)
        began = trio.current_time()

        async def attack(line):
            line.say(b"\xff" * 64)  # no frame at all
            await trio.sleep(3600)

        assert await Line(stream, session, one.attacker.answer).run(attack)
        assert trio.current_time() - began < 1

    play("corpse", scene, seconds=1)


def test_a_handshake_with_another_than_the_expected_peer_is_in_vain():
    async def scene(one):
        stream = await one.program.connect(one.addresses[0].tcp)
        session = one.attacker.session(Role.INITIATOR, expected=one.friend.peers.us)

        async def attack(line):
            pytest.fail("the line is up")

        assert not await Line(stream, session, one.attacker.answer).run(attack)

    play("corpse", scene, seconds=1)
