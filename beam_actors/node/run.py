"""The life of a node, from its keys to its ordered end."""

from collections.abc import Awaitable, Callable

import attrs
import structlog

from beam_actors.control import NodeApi
from beam_actors.node.config import NodeConfig, NodePorts
from beam_actors.node.home import open_home
from beam_actors.node.tree import compose_node

_log = structlog.get_logger(__name__)


async def run_node(
    config: NodeConfig,
    ports: NodePorts,
    *,
    on_ready: Callable[[NodeApi], Awaitable[None]],
    say: Callable[[str], None],
) -> None:
    """Open the home, start the tree, await `on_ready`, and run until somebody asks the node to stop or cancels it.

    `say` gets what the person should know of the home before that.

    Raises:
        BeamError: the home does not open, the tree does not start (`StartFailed`), or it gave up (`SystemFailed`).
    """
    async with open_home(ports, config.passphrase, config.network, fixed=config.network_fixed) as home:
        for note in home.notes:
            _log.warning("home", note=note)
            say(note)
        node = compose_node(attrs.evolve(config, network=home.network), home.ports, home.keys)
        async with node.system.run(node.spec):
            await home.settle()
            await on_ready(node.api)
            await node.stopping.wait()
