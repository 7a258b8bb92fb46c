import pytest
import trio

from beam_actors.errors import ConnectionLost
from beam_actors.flow import SessionDown
from beam_actors.peers.handshake import Witness


class Owner:
    path = "owner"
    alive = True

    def __init__(self):
        self.crashes = []

    def tell(self, message):
        raise AssertionError("a witness keeps what it is told")

    def crash(self, reason):
        self.crashes.append(reason)


class Carrier:
    def __init__(self):
        self.disposed = 0

    def dispose(self):
        self.disposed += 1


async def test_what_is_said_between_handshake_and_adoption_reaches_the_heir_in_order():
    witness, heard = Witness(Owner()), []
    down = SessionDown(None, None)
    witness.tell(down)
    assert await witness.outcome() is down
    for message in ("one", "two"):
        witness.tell(message)
    witness.bequeath(heard.append)
    witness.tell("three")
    assert heard == ["one", "two", "three"]


async def test_what_nobody_inherits_is_disposed_of():
    witness, kept, late = Witness(Owner()), Carrier(), Carrier()
    witness.tell(kept)
    witness.dispose()
    witness.tell(late)
    assert (kept.disposed, late.disposed) == (1, 1)


async def test_a_witness_stands_for_its_owner():
    owner = Owner()
    witness = Witness(owner)
    error = ConnectionLost("a handler failed")
    witness.crash(error)
    assert owner.crashes == [error]
    assert (witness.path, witness.alive) == ("owner", True)


async def test_the_outcome_is_waited_for(autojump_clock):
    witness = Witness(Owner())
    with pytest.raises(trio.TooSlowError), trio.fail_after(1):
        await witness.outcome()
