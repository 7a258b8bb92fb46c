"""Offers to one node, whose disk may refuse them."""

from beam_actors.control import ExposeRequest
from beam_actors.errors import StorageError
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.world import run_world
from beam_actors.values import TcpAddress

APP = TcpAddress("127.0.0.1", 3000)
SITE = ExposeRequest(target=APP, name="site.local")


class PickyDisk(MemoryDisk):
    """Has no room for what it is told to refuse."""

    refuses = b""

    def append(self, name, data):
        if self.refuses and self.refuses in data:
            raise StorageError("The disk is full: free some space and try again.")
        super().append(name, data)


def with_node(check, **choices):
    """Run `check(api, disk)` on one node."""

    async def scenario(world):
        machine = world.machine("owner")
        machine.disk = PickyDisk()
        node = await machine.boot(**choices)
        await check(node.api, machine.disk)

    run_world(5, scenario)


async def names_of(api):
    return [row.name for row in await api.names()]
