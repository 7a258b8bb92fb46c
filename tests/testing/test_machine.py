"""What happens to machines, and what their daemons and their neighbours see of it."""

import pytest
import trio

from beam_actors.errors import BeamError, NameNotFound, StorageError
from beam_actors.runtime import SystemFailed
from beam_actors.testing.process import Killed
from beam_actors.testing.world import run_world


async def until(probe, seconds=60.0):
    """Return once `await probe()` is true; the virtual seconds that it took."""
    since = trio.current_time()
    with trio.fail_after(seconds):
        while not await probe():
            await trio.sleep(0.01)
    return trio.current_time() - since


def sees(node, other):
    """A probe: `node` holds a session with `other`."""

    async def probe():
        return any(status.peer == other and status.sessions for status in await node.peers.snapshot())

    return probe


def misses(node, other):
    async def probe():
        return not await sees(node, other)()

    return probe


async def pair(world):
    one, two = world.machine("one"), world.machine("two")
    hub = await one.boot()
    leaf = await two.boot(bootstrap=(one.address_of(hub),))
    await until(sees(hub, leaf.peers.us))
    await until(sees(leaf, hub.peers.us))
    return one, two, hub, leaf


def test_a_daemon_is_stopped_in_order_and_started_again_as_the_same_peer():
    async def scenario(world):
        one, _two, hub, leaf = await pair(world)
        us = hub.peers.us
        await one.shutdown()
        assert one.node is None
        await until(misses(leaf, us), 1)
        with pytest.raises(ValueError, match="no daemon"):
            await one.shutdown()
        hub = await one.boot()
        assert (hub.peers.us, one.boots) == (us, 2)
        with pytest.raises(ValueError, match="already"):
            await one.boot()
        await until(sees(leaf, us))

    run_world(1, scenario)


def test_of_a_kill_the_neighbours_hear_at_once_and_of_a_crash_when_they_miss_an_answer():
    times = {}

    async def scenario(world):
        one, two, hub, leaf = await pair(world)
        us = hub.peers.us
        await one.kill()
        times["kill"] = await until(misses(leaf, us))
        await one.boot()
        await until(sees(leaf, us))
        one.crash()
        assert one.node is None
        times["crash"] = await until(misses(leaf, us), 300)
        await one.boot()
        await until(sees(leaf, us), 300)
        assert (two.boots, one.boots) == (1, 3)

    run_world(1, scenario)
    assert times["kill"] < 0.1
    assert times["crash"] > 5


@pytest.mark.parametrize("torn", [False, True])
def test_what_was_acknowledged_is_there_after_a_crash(torn):
    async def scenario(world):
        machine = world.machine("one")
        for turn in range(5):
            node = await machine.boot()
            assert {row.name for row in await node.api.names()} == {f"name{before}" for before in range(turn)}
            await node.api.register(f"name{turn}", contest=False)
            machine.crash(torn=torn)

    run_world(1, scenario)


def test_what_a_dead_process_still_does_reaches_nobody():
    async def scenario(world):
        one, _two, hub, leaf = await pair(world)
        used, lines = one.disk.snapshot(), world.trace.lines
        one.crash()
        with pytest.raises((BeamError, trio.TooSlowError)):
            with trio.fail_after(5):
                await hub.naming.register("late")
        await trio.sleep(30)
        assert one.disk.snapshot() == used
        after = lines[[line.split()[1:3] for line in lines].index(["one", "crash"]) + 1 :]
        assert not [line for line in after if line.split()[1] == "one"]
        with pytest.raises(NameNotFound):
            await leaf.naming.resolve("late")

    run_world(1, scenario)


def test_a_process_is_cut_off_while_it_starts():
    async def scenario(world):
        machine = world.machine("one")
        for steps in range(40):
            async with trio.open_nursery() as nursery:
                began = trio.Event()

                async def boot():
                    began.set()  # noqa: B023 (awaited in this very turn)
                    try:
                        await machine.boot()
                    except (Killed, StorageError):
                        return

                nursery.start_soon(boot)
                await began.wait()
                for _ in range(steps):
                    await trio.lowlevel.checkpoint()
                machine.crash()
        assert (await machine.boot()).peers.us

    run_world(1, scenario)


def test_a_cancelled_boot_leaves_nothing_that_runs():
    async def scenario(world):
        machine = world.machine("one")
        with trio.CancelScope() as scope:
            scope.cancel()
            await machine.boot()
        assert machine.node is None
        assert await machine.boot()

    run_world(1, scenario)


def test_a_paused_daemon_answers_nobody_and_then_goes_on():
    async def scenario(world):
        one, _two, hub, leaf = await pair(world)
        us, other = hub.peers.us, leaf.peers.us
        one.pause()
        assert one.paused
        steps = world.trace.count
        await trio.sleep(5)
        since = world.trace.lines[len(world.trace.lines) - (world.trace.count - steps) :]
        assert not [line for line in since if line.split()[1] == "one"]
        with pytest.raises(ValueError, match="hear"):
            await one.shutdown()
        one.resume()
        await trio.sleep(1)
        assert (await leaf.peers.ping(us)).rtt_ms < 10
        one.pause()
        await until(misses(leaf, us), 300)
        one.resume()
        assert await until(sees(leaf, us), 300) > 0
        await until(sees(hub, other), 300)
        assert one.boots == 1

    run_world(1, scenario)


def test_a_slow_daemon_answers_late():
    async def scenario(world):
        one, _two, hub, leaf = await pair(world)
        assert (await leaf.peers.ping(hub.peers.us)).rtt_ms < 10
        one.slow(0.1)
        assert 100 <= (await leaf.peers.ping(hub.peers.us)).rtt_ms < 1500
        one.slow(0.0)
        assert (await leaf.peers.ping(hub.peers.us)).rtt_ms < 10

    run_world(1, scenario)


def test_a_paused_machine_can_be_killed_or_crash_and_a_world_can_end_with_one():
    async def scenario(world):
        one, two, hub, leaf = await pair(world)
        us, other = hub.peers.us, leaf.peers.us
        one.pause()
        one.crash()
        two.pause()
        await two.kill()
        hub, leaf = await one.boot(), await two.boot(bootstrap=(one.address_of(hub),))
        await until(sees(hub, other))
        assert (hub.peers.us, leaf.peers.us) == (us, other)
        one.slow(0.5)
        two.pause()

    run_world(1, scenario)


def test_data_can_be_lost_with_or_without_the_keys_and_an_old_backup_put_back():
    async def scenario(world):
        machine = world.machine("one")
        node = await machine.boot()
        us = node.peers.us
        await node.api.register("first", contest=False)
        backup = machine.snapshot()
        await node.api.register("second", contest=False)
        with pytest.raises(ValueError, match="replaced"):
            machine.wipe(keep_keys=True)
        await machine.shutdown()
        machine.wipe(keep_keys=True)
        node = await machine.boot()
        assert (node.peers.us, await node.api.names()) == (us, ())
        await machine.shutdown()
        machine.restore(backup)
        machine.crash()  # what was put back is durable
        node = await machine.boot()
        assert [row.name for row in await node.api.names()] == ["first"]
        await machine.shutdown()
        machine.wipe(keep_keys=False)
        assert (await machine.boot()).peers.us != us

    run_world(1, scenario)


def test_a_daemon_that_ends_by_itself_fails_the_run_unless_it_may():
    async def give_up(world, *, may_fail):
        machine = world.machine("one")
        machine.may_fail = may_fail
        node = await machine.boot()
        machine.disk.broken = True
        node.system.ref("node/core/store").crash(RuntimeError("as asked"))
        await trio.sleep(300)
        assert machine.node is None
        assert [type(failure) for failure in machine.failures] == [SystemFailed]
        machine.disk.broken = False
        assert await machine.boot()

    with pytest.raises(SystemFailed):
        run_world(1, lambda world: give_up(world, may_fail=False))
    run_world(1, lambda world: give_up(world, may_fail=True))


def test_a_disk_that_is_broken_refuses_the_start():
    async def scenario(world):
        machine = world.machine("one")
        machine.disk.broken = True
        with pytest.raises(StorageError):
            await machine.boot()
        machine.disk.broken = False
        assert await machine.boot()

    run_world(1, scenario)


def test_there_are_addresses_for_thousands_and_clocks_that_differ():
    async def scenario(world):
        machines = [world.machine(f"m{number}", offset=number) for number in range(600)]
        assert len({machine.ip for machine in machines}) == 600
        assert machines[5].clock.wall() - machines[0].clock.wall() == 5
        one, two = world.entropy("faults"), world.entropy("workload")
        assert one.token(8) != two.token(8)
        await trio.lowlevel.checkpoint()

    run_world(1, scenario)
