"""The paths that plans may crash are those of the tree: a list that grew old would leave new actors alone."""

from fnmatch import fnmatchcase

import pytest
import trio

from beam_actors.testing.world import run_world
from beam_actors.tunnels import ForwardSpec, TunnelSpec
from beam_actors.values import EVERYONE, Name, TcpAddress
from simulations import inside
from simulations.faults import PATHS, ActorCrash, AnyActorCrash, Crash, CrashLoop
from simulations.plan import MachinePlan, Plan
from simulations.run import run_plan

APP, LOCAL = TcpAddress("127.0.0.1", 3000), TcpAddress("127.0.0.1", 8080)
OTHERWISE = {"node", "node/core/services/network/peers/*/session-*"}
"""The end of the daemon, and of sessions: machines and links have faults of their own for these."""


def test_every_actor_of_a_node_that_has_one_of_each_is_named():
    async def scenario(world):
        one, two = world.machine("one"), world.machine("two")
        hub = await one.boot()
        node = await two.boot(bootstrap=(one.address_of(hub),))
        await trio.sleep(1)
        await node.naming.register("mine")
        await node.tunnels.expose(TunnelSpec(target=APP, name=Name("mine"), port=9000, access=EVERYONE))
        await node.tunnels.forward(ForwardSpec(destination=str(hub.peers.us), port=9000, listen=LOCAL))
        assert [path for path in PATHS if not inside.actors_at(node, path)] == []
        patterns = OTHERWISE | {f"node/{path}" for path in PATHS}
        alive = [cell.path for cell in inside.cells(node) if cell.alive]
        assert [path for path in alive if not any(fnmatchcase(path, pattern) for pattern in patterns)] == []

    run_world(1, scenario)


def counts(*faults):
    plan = Plan(scenario="drawn", seed=1, machines=(MachinePlan(),), settle=1.0, safety=5.0, faults=faults)
    report = run_plan(plan)
    assert report.passed, report.violations
    return report.counts["faults"]


@pytest.mark.parametrize("kind", [ActorCrash, CrashLoop])
def test_a_crash_of_an_actor_that_nobody_knows_is_moot(kind):
    word = kind.__name__.lower()
    nowhere, somewhere = (kind(at=1.0, machine=0, path=path) for path in ("core/services/nobody", "control"))
    assert counts(nowhere) == {word: 1, f"{word}: moot": 1}
    assert counts(somewhere) == {word: 1}


def test_a_crash_of_any_actor_is_moot_while_the_machine_is_down():
    off = Crash(at=1.0, machine=0, down=2.0)
    found = counts(off, AnyActorCrash(at=1.5, machine=0, times=1), ActorCrash(at=1.5, machine=0, path="control"))
    assert found == {"actorcrash": 1, "actorcrash: moot": 1, "anyactorcrash": 1, "anyactorcrash: moot": 1, "crash": 1}
