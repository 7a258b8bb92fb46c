"""The life of a node, from its keys to its ordered end."""

from collections.abc import Awaitable, Callable

from beam_actors.control import NodeApi
from beam_actors.node.config import NodeConfig, NodePorts
from beam_actors.node.keys import open_keys
from beam_actors.node.tree import compose_node


async def run_node(config: NodeConfig, ports: NodePorts, *, on_ready: Callable[[NodeApi], Awaitable[None]]) -> None:
    """Open the keys, start the tree, await `on_ready`, and run until somebody asks the node to stop or cancels it.

    Raises:
        BeamError: the keys do not open, the tree does not start (`StartFailed`), or it gave up (`SystemFailed`).
    """
    keys = await open_keys(ports.files, ports.entropy, ports.compute, config.passphrase)
    node = compose_node(config, ports, keys)
    async with node.system.run(node.spec):
        await on_ready(node.api)
        await node.stopping.wait()
