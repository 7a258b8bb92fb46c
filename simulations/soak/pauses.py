"""SIGSTOP of the owner: the visitor answers 504 in time, shows the peer down, closes what was open; SIGCONT heals."""

import http.client
import signal
import time
from pathlib import Path

from beam_actors.testing.daemons import Daemon, eventually
from simulations.soak import Say
from simulations.soak.crashes import OpenStream, served_again
from simulations.soak.pair import pair
from simulations.soak.transfers import app

NAME = "paused"


def get_status(http_address: str) -> int:
    """The status of one plain HTTP request for the name at the visitor's ingress."""
    host, _, port = http_address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request("GET", "/", headers={"Host": f"{NAME}.local", "Connection": "close"})
        return connection.getresponse().status
    finally:
        connection.close()


def is_up(visitor: Daemon, peer: str) -> bool:
    """Whether the visitor lists the peer as connected."""
    rows = visitor.beam("peers")["peers"]
    return any(row["peer_id"] == peer and row["state"] == "up" for row in rows)


def run(root: Path, say: Say) -> None:
    """Stop the owner for a while."""
    with app() as (port, _), pair(root / "pauses", port) as link:
        link.owner.beam("expose", str(port), "--name", NAME)
        address = link.visitor.beam("status")["http"]
        eventually(lambda: _resolves(link.visitor), timeout=5, what="the name resolves")
        stream = OpenStream(link.port)
        if not stream.works():
            raise AssertionError("the stream did not work before the pause")
        link.owner.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        try:
            status = get_status(address)
            answered = time.monotonic() - start
            say(f"owner stopped: a new request got {status} after {answered:.1f} s")
            if status != 504 or answered > 5.5:
                raise AssertionError(f"expected 504 within 5 s, got {status} after {answered:.1f} s")
            eventually(lambda: not is_up(link.visitor, link.owner_id), timeout=20, what="the peer is shown down")
            down = time.monotonic() - start
            open_ended = not stream.works()
        finally:
            link.owner.send_signal(signal.SIGCONT)
        say(f"the peer was shown down after {down:.1f} s, and what was open to it was closed: {open_ended}")
        if down > 15.5 or not open_ended:
            raise AssertionError("the pause was noticed too late, or an open stream hung")
        healed = served_again(link.port, time.monotonic())
        say(f"after SIGCONT it was served again within {healed:.1f} s")
        stream.close()


def _resolves(visitor: Daemon) -> bool:
    return visitor.run("resolve", f"{NAME}.local", "--json").returncode == 0
