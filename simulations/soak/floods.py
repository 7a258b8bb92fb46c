"""A stranger floods the owner with small frames: others are served meanwhile, nothing restarts, memory is bounded."""

import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

from beam_actors.testing.daemons import flatten_tree
from beam_actors.wire import MIN_FLUSH
from beam_actors.wire.yamux import Flag, Kind
from simulations.hostile.frames import opened, yamux
from simulations.soak import Say
from simulations.soak.pair import Pair, pair
from simulations.soak.stranger import Stranger
from simulations.soak.transfers import app, echo_once

SECONDS = 4.0
MEDIAN, WORST = 0.5, 3.0
"""Seconds for a small echo beside a flood; without one it takes a hundredth."""
MEMORY = 64 << 20
NAMES, TUNNEL = "/beam/names/1", "/beam/tunnel/1"
Flood = Callable[[Stranger], bool]
"""Says a part of the flood; False once the stranger was cut."""


def on_new_streams(make: Callable[[int], bytes]) -> Flood:
    """A flood of which each part is a stream of its own."""

    def flood(stranger: Stranger) -> bool:
        first = stranger.next_stream
        stranger.next_stream += 1000
        return stranger.say(b"".join(make(number) for number in range(first, first + 1000, 2)))

    return flood


def on_one_stream(part: bytes, *, flush: int = 1 << 18) -> Flood:
    """A flood on one stream of the names protocol, which is opened once."""

    def flood(stranger: Stranger) -> bool:
        if stranger.next_stream == 3:
            stranger.next_stream += 2
            return stranger.say(opened(3, NAMES))
        return stranger.say(part * 3000, flush=flush)

    return flood


FLOODS: dict[str, Flood] = {
    "window updates": on_one_stream(yamux(Kind.WINDOW_UPDATE, 0, 3, 1)),
    "records of one frame": on_one_stream(yamux(Kind.WINDOW_UPDATE, 0, 3, 1), flush=MIN_FLUSH),
    "window updates of nothing": on_one_stream(yamux(Kind.WINDOW_UPDATE, 0, 3, 0)),
    "pings": on_one_stream(yamux(Kind.PING, Flag.SYN, 0, 7)),
    "streams reset at once": on_new_streams(
        lambda n: yamux(Kind.WINDOW_UPDATE, Flag.SYN, n, 0) + yamux(Kind.WINDOW_UPDATE, Flag.RST, n, 0)
    ),
    "protocols that nobody speaks": on_new_streams(lambda n: opened(n, "/no/such/1")),
    "streams of names that end at once": on_new_streams(lambda n: opened(n, NAMES, flags=Flag.FIN)),
    "malformed requests for tunnels": on_new_streams(lambda n: opened(n, TUNNEL, b"\x01\xff", Flag.FIN)),
}


def endure(link: Pair, address: str, name: str, flood: Flood, say: Say) -> None:
    """One flood for a few seconds, with echoes through the tunnel beside it."""
    stranger = Stranger(address)
    until = time.monotonic() + SECONDS
    cut = threading.Event()

    def pour() -> None:
        while time.monotonic() < until:
            if not flood(stranger):
                cut.set()
                return

    thread = threading.Thread(target=pour)
    thread.start()
    took = []
    while time.monotonic() < until:
        took.append(echo_once(link.port, 1000))
    thread.join()
    stranger.close()
    ended = "was cut" if cut.is_set() else "went on"
    median, worst = statistics.median(took), max(took)
    say(f"{name}: the stranger {ended}; an echo took {median * 1e3:.0f} ms, {worst * 1e3:.0f} at most")
    if median > MEDIAN or worst > WORST:
        raise AssertionError(f"{name} held up everybody")


def run(root: Path, say: Say) -> None:
    """Each flood in turn."""
    with app() as (port, _), pair(root / "floods", port) as link:
        address = link.owner.beam("id")["addresses"][0]
        echo_once(link.port, 1000)
        before, memory = flatten_tree(link.owner.beam("tree")), link.owner.memory()
        for name, flood in FLOODS.items():
            endure(link, address, name, flood, say)
        grown = link.owner.memory() - memory
        after = flatten_tree(link.owner.beam("tree"))
        changed = [path for path in before if path in after and after[path]["restarts"] != before[path]["restarts"]]
        say(f"after {len(FLOODS)} floods: nothing restarted: {not changed}; the owner grew by {grown >> 20} MiB")
        if changed or grown > MEMORY:
            raise AssertionError(f"the floods left their mark: {changed}, {grown} bytes")
