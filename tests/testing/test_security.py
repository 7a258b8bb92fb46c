"""Watched Noise changes nothing and misses nothing; the light security behaves as Noise does and meets no daemon."""

import pytest
import trio

from beam_actors.errors import RemoteProtocolError, WrongPeer
from beam_actors.testing.security import LIGHT, Seals
from beam_actors.testing.world import NonceReused, Profile, run_world
from beam_actors.wire import NOISE, Established, Role, SessionEnded
from beam_actors.wire.noise import CipherState
from tests.wire.support import ALICE, BOB, ECHO, Line, make_session


def line(security, other=None, expected=BOB.peer_id):
    meeting = Line()
    meeting.alice = make_session(Role.INITIATOR, ALICE, expected=expected, security=security)
    meeting.bob = make_session(Role.RESPONDER, BOB, security=other or security)
    for book in (meeting.events, meeting.data, meeting.bytes):
        book.clear()
    for session in (meeting.alice, meeting.bob):
        meeting.events[session], meeting.data[session], meeting.bytes[session] = [], {}, 0
    return meeting


def ended(meeting, session):
    return next(event.error for event in meeting.events[session] if isinstance(event, SessionEnded))


@pytest.mark.parametrize("chunk", [None, 1, 7])
@pytest.mark.parametrize("security", [LIGHT, Seals().security()], ids=["light", "watched"])
def test_both_carry_streams_as_noise_does(security, chunk):
    meeting = line(security).settle(chunk=chunk)
    assert [event.peer for event in meeting.events[meeting.alice] if isinstance(event, Established)] == [BOB.peer_id]
    assert [event.peer for event in meeting.events[meeting.bob] if isinstance(event, Established)] == [ALICE.peer_id]
    stream = meeting.alice.open(ECHO)
    payload = bytes(range(256)) * (1000 if chunk is None else 50)
    assert meeting.alice.send(stream, payload) == len(payload)
    meeting.settle(chunk=chunk)
    assert list(meeting.data[meeting.bob].values()) == [payload]


def test_watching_changes_not_a_byte():
    plain, watched = line(NOISE), line(Seals().security())
    for _ in range(6):
        for one, other in ((plain.alice, watched.alice), (plain.bob, watched.bob)):
            assert one.data_to_send() == other.data_to_send()
        plain.settle()
        watched.settle()
        assert plain.bytes == dict(zip(plain.bytes, watched.bytes.values(), strict=True))


def test_a_nonce_that_comes_again_is_seen_wherever_the_key_is_used():
    seals = Seals()
    for suite in seals.security().suites:
        one, other = CipherState(suite, b"k" * 32), CipherState(suite, b"o" * 32)
        out = memoryview(bytearray(17))
        for _ in range(300):  # across the byte in which the two suites' counters differ
            one.encrypt_into(b"x", out)
            other.encrypt_into(b"x", out)
        assert not seals.reused
        one.nonce = 299
        one.encrypt_into(b"x", out)
        assert len(seals.reused) == 1
        CipherState(suite, b"o" * 32, 300).encrypt_into(b"x", out)
        assert len(seals.reused) == 1
        CipherState(suite, b"o" * 32).encrypt_into(b"x", out)  # the same key once more, from the start
        assert len(seals.reused) == 2
        assert b"o" * 32 not in repr(seals.reused).encode()
        seals.reused.clear()
        seals._last.clear()


def test_a_run_that_reuses_a_nonce_fails(monkeypatch):
    async def scenario(world):
        one, two = world.machine("one"), world.machine("two")
        hub = await one.boot()
        await two.boot(bootstrap=(one.address_of(hub),))
        await trio.sleep(20)
        assert world.seals.count > 10
        assert world.seals.keys >= 4

    run_world(1, scenario)

    def stuck(self, plaintext, out, ad=None):
        self._aead.encrypt_into(self._pack_nonce(self.nonce), plaintext, ad, out)
        if self.nonce < 2:
            self.nonce += 1

    monkeypatch.setattr(CipherState, "encrypt_into", stuck)
    with pytest.raises(NonceReused, match="nonce 2 after 2"):
        run_world(1, scenario)


def test_the_light_security_meets_no_daemon():
    for one, other in ((LIGHT, NOISE), (NOISE, LIGHT)):
        meeting = line(one, other).settle()
        assert isinstance(ended(meeting, meeting.alice), RemoteProtocolError)
        assert not [event for event in meeting.events[meeting.bob] if isinstance(event, Established)]


def test_the_light_security_knows_whom_it_expects_and_what_is_out_of_order():
    meeting = line(LIGHT, expected=ALICE.peer_id).settle()
    assert isinstance(ended(meeting, meeting.alice), WrongPeer)
    meeting = line(LIGHT).settle()
    meeting.alice.open(ECHO)
    meeting.bob.receive(bytearray(meeting.alice.data_to_send()))
    meeting.alice.open(ECHO)
    twice = meeting.alice.data_to_send()
    meeting.bob.receive(bytearray(twice))
    (event,) = [event for event in meeting.bob.receive(bytearray(twice)) if isinstance(event, SessionEnded)]
    assert isinstance(event.error, RemoteProtocolError)


@pytest.mark.parametrize("junk", [b"\xff\xff", b"\x00\x00" * 4, b"\x00\x03\xff\xff\xff" * 3])
def test_junk_ends_a_light_handshake_in_words(junk):
    session = make_session(Role.RESPONDER, BOB, security=LIGHT)
    hello = make_session(Role.INITIATOR, ALICE, security=LIGHT).data_to_send()
    session.receive(bytearray(hello))
    events = session.receive(bytearray(junk * 400))
    assert isinstance(next(event.error for event in events if isinstance(event, SessionEnded)), RemoteProtocolError)


def test_daemons_of_a_light_world_are_the_same_but_for_their_security():
    trees = {}

    def scenario(profile):
        async def run(world):
            one, two = world.machine("one"), world.machine("two")
            hub = await one.boot()
            leaf = await two.boot(bootstrap=(one.address_of(hub),))
            await trio.sleep(10)
            found = await leaf.naming.register("site")
            await trio.sleep(2)
            assert (await hub.naming.resolve("site")).owner == found.owner
            trees[profile] = paths(leaf.system.tree())

        return run

    def paths(snapshot):
        return [snapshot.path, *(path for child in snapshot.children for path in paths(child))]

    for profile in Profile:
        run_world(3, scenario(profile), profile)
    assert trees[Profile.FULL] == trees[Profile.LIGHT]
