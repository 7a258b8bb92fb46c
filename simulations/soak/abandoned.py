"""Programs that vanish while their app says nothing: what they held open is given back, on both machines."""

import time
from functools import partial
from pathlib import Path

from beam_actors.testing.daemons import Daemon, eventually
from simulations.soak import Say
from simulations.soak.pair import pair
from simulations.soak.transfers import app, connect

CONNECTIONS = 100
PATIENCE = 180.0
"""Seconds: the kernel forgets a closed socket after 60, is asked after 75, and answers with a reset."""


def live(daemon: Daemon, what: str) -> int:
    """How many connections go through the daemon's tunnels or forwards."""
    return sum(row["connections"] for row in daemon.beam(what)[what])


def nothing_live(daemon: Daemon, what: str) -> bool:
    """Whether none goes through any more."""
    return live(daemon, what) == 0


def run(root: Path, say: Say) -> None:
    """Open connections to an app that never answers, close them, and wait until nothing of them is left."""
    with app() as (port, _), pair(root / "abandoned", port) as link:
        clients = [connect(link.port, b"Q") for _ in range(CONNECTIONS)]
        eventually(lambda: live(link.owner, "tunnels") == CONNECTIONS, timeout=20, what="all connections are up")
        start = time.monotonic()
        for client in clients:
            client.close()
        for daemon, what in ((link.visitor, "forwards"), (link.owner, "tunnels")):
            eventually(
                partial(nothing_live, daemon, what),
                timeout=PATIENCE,
                what=f"the {daemon.name} holds nothing any more",
                interval=1.0,
            )
        say(f"{CONNECTIONS} programs vanished: nothing of them was left after {time.monotonic() - start:.0f} s")
