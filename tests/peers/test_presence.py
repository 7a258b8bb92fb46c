import trio

from beam_actors.errors import ActorDead
from beam_actors.peers import who_is_up
from beam_actors.values import PeerId

SOME = tuple(PeerId(bytes([number]) * 32) for number in (1, 2))


class Restarting:
    """Peers whose manager restarts, some seconds long."""

    def __init__(self, seconds):
        self.back = trio.current_time() + seconds
        self.asked = 0

    async def connected(self):
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if trio.current_time() < self.back:
            raise ActorDead("The manager restarts.")
        return SOME


async def test_it_is_asked_until_somebody_can_say_it(autojump_clock):
    for seconds in (0, 2.5):
        peers, began = Restarting(seconds), trio.current_time()
        assert await who_is_up(peers) == SOME
        assert trio.current_time() - began < seconds + 1.0
        assert peers.asked <= seconds + 2
