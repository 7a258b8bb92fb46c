import structlog
import trio

from beam_actors.testing.world import run_world


def test_warnings_of_living_daemons_are_kept_and_the_configuration_is_put_back():
    before = structlog.get_config()
    journals = []

    async def scenario(world):
        journals.append(world.journal)
        machine = world.machine("one")
        node = await machine.boot()
        node.system.ref("node/core/services/spread").crash(RuntimeError("as asked"))
        await trio.sleep(1)
        structlog.get_logger().info("not kept")
        machine.crash()

    run_world(1, scenario)
    (journal,) = journals
    assert journal.counts == {"an actor crashed": 1}
    assert "node/core/services/spread" in journal.lines[0]
    assert "RuntimeError: as asked" in journal.lines[0]
    assert structlog.get_config() == before
