import trio

from beam_actors.runtime import ChildSpec, Supervisor
from tests.runtime.rig import Hang, specs, system


async def test_the_tree_tells_of_restarts_and_reasons(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor(specs(None, "a", "b")))):
        here.ref("node/a").crash(ValueError("for the record"))
        await trio.sleep(3)
        here.ref("node/b").tell(Hang())
        await trio.sleep(4)
        one, two = here.tree().children
        assert (one.restarts, one.incarnation, one.state) == (1, 2, "running")
        assert "ValueError: for the record" in one.last_exit
        assert one.uptime == 7
        assert (two.message, two.busy) == ("Hang", 4)
