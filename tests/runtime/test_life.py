import pytest
import trio

from beam_actors.errors import ActorCrashed
from beam_actors.runtime import Actor, ChildSpec, Supervisor
from tests.runtime.rig import Adopt, Child, system


class Uninitialised(Actor):
    def __init__(self):
        pass


HERE_ALREADY = []


@pytest.mark.parametrize("made", [lambda: None, lambda: 3, Uninitialised, lambda: HERE_ALREADY[0]])
async def test_what_is_no_new_actor_fails_its_start_and_nothing_else(autojump_clock, made):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("parent", Child)]))):
        HERE_ALREADY[:] = [here.ref("node/parent")._cell.actor]
        with pytest.raises(ActorCrashed, match="made no new actor"):
            await here.ref("node/parent").ask(Adopt(ChildSpec("odd", made)))
        await trio.sleep(1)
        assert here.ref("node").incarnation == 1
        assert here.ref("node/parent").incarnation == 2
