"""The story that `make demo` tells, one paragraph a step. Exit code 0 means that every step held."""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons, eventually, flatten_tree
from simulations.demo.visitor import RequestLoop, Visitor, resolve

NAME = "byronwade"
HOST = f"{NAME}.local"
UPLOAD = 8 << 20
ROOT = "node"
SLACK = 0.05
"""Seconds by which ages that are told may be wrong."""
BOLD, DIM, GREEN, PLAIN = (
    ("\033[1m", "\033[2m", "\033[32m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("",) * 4
)


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


@contextmanager
def step(number: int, title: str) -> Iterator[None]:
    """A numbered paragraph that ends with how long it took."""
    say(f"\n{BOLD}{number}. {title}{PLAIN}")
    start = time.monotonic()
    yield
    say(f"   {GREEN}ok{PLAIN} {DIM}{time.monotonic() - start:.1f} s{PLAIN}")


@contextmanager
def web_application() -> Iterator[int]:
    """Run the demo's app on a free loopback port, as its author would, and yield the port."""
    with tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        command = [sys.executable, "-m", "hypercorn", "--worker-class", "trio", "--bind", "127.0.0.1:0"]
        with subprocess.Popen([*command, "simulations.demo.app:app"], stdout=log, stderr=log) as process:
            try:

                def port() -> int | None:
                    text = Path(log.name).read_text()
                    return int(text.split("http://127.0.0.1:")[1].split()[0]) if "http://127.0.0.1:" in text else None

                yield eventually(port, timeout=15, what="the web application listens")
            finally:
                process.terminate()


def typed(daemon: Daemon, *arguments: str) -> str:
    """The command as a person would type it, in the folder of the demo and while the demo runs."""
    return shlex.join([".venv/bin/beam", "--home", str(daemon.home), *arguments])


def endpoint(address: str) -> tuple[str, int]:
    """`127.0.0.1:53` as a socket address."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def curl(visitor: Visitor) -> str:
    """The command that fetches the page as the visitor does."""
    host, port = visitor.address
    options = ("--cacert", str(visitor.ca), "--connect-to", f"{visitor.name}:443:{host}:{port}")
    return shlex.join(["curl", *options, f"https://{visitor.name}"])


def changed(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """The actors that are of another incarnation, or of another number of restarts, than before."""
    return [
        path
        for path, node in after.items()
        if path in before
        and (node["incarnation"], node["restarts"]) != (before[path]["incarnation"], before[path]["restarts"])
    ]


def replaced(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """The actors that ended and in whose place there is a new one of the same name: younger than they would be."""
    passed = after[ROOT]["uptime_s"] - before[ROOT]["uptime_s"] - SLACK
    both = [path for path in after if path in before and path not in changed(before, after)]
    return [path for path in both if after[path]["uptime_s"] - before[path]["uptime_s"] < passed]


def describe(loop: RequestLoop, since: float) -> str:
    """One line about what a loop of requests saw since the fault."""
    counts, outage = loop.report(since)
    seen = ", ".join(f"{count} x {outcome}" for outcome, count in sorted(counts.items()))
    gap = f"the last failure was {outage:.2f} s after the fault" if outage else "none failed"
    return f"   a loop of requests meanwhile: {seen}; {gap}"


def show_changes(path: str, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> None:
    """Say what `tree` says of the fault, and raise if anything outside of `path` restarted."""
    gone = sorted(set(before) - set(after))
    new = sorted(set(after) - set(before))
    restarted, anew = changed(before, after), replaced(before, after)
    outside = [other for other in restarted + anew if not other.startswith(path)]
    if outside:
        raise AssertionError(f"other actors restarted too: {outside}")
    for word, paths in (("ended", gone), ("new", new), ("made anew", anew), ("restarted", restarted)):
        for actor in paths:
            why = f" ({after[actor]['last_exit']})" if word == "restarted" else ""
            say(f"   tree: {word} {actor.removeprefix('node/core/services/')}{why}")
    say(f"   {spared(len(before), len(gone) + len(anew) + len(restarted))}")


def spared(before: int, touched: int) -> str:
    """How many of the visitor's actors a fault left alone."""
    if not touched:
        return f"none of the visitor's {before} actors ended or restarted"
    return f"the visitor's other {before - touched} actors, of {before}, were not touched"


def crash_actors(bob: Daemon, visitor: Visitor, owner_id: str) -> None:
    """Crash the visitor's session with the owner, then the actor above it, and show that nothing else went down."""
    session = next(p for p in flatten_tree(bob.beam("tree")) if "/session-" in p and owner_id[-8:] in p)
    peer = session.partition("/session-")[0]
    for path in (session, peer):
        before = flatten_tree(bob.beam("tree"))
        say(f"   {typed(bob, 'crash', path)}")
        with RequestLoop(visitor) as loop:
            time.sleep(0.3)
            start = time.monotonic()
            bob.beam("crash", path)
            eventually(partial(loop.healed, start), timeout=10, what="requests succeed again")
            say(describe(loop, start))
        show_changes(peer, before, flatten_tree(bob.beam("tree")))


def kill_owner(alice: Daemon, bob: Daemon, visitor: Visitor) -> None:
    """SIGKILL the owner's daemon, start it again, and show that the name comes back by itself."""
    before, identity = flatten_tree(bob.beam("tree")), alice.beam("id")["peer_id"]
    say("   kill -9 the owner's daemon, and start it again after a second")
    with RequestLoop(visitor) as loop:
        time.sleep(0.3)
        start = time.monotonic()
        alice.kill()
        time.sleep(1)
        alice.start()
        eventually(lambda: loop.healed(start), timeout=20, what="requests succeed again")
        say(describe(loop, start))
    if alice.beam("id")["peer_id"] != identity:
        raise AssertionError("the owner came back as somebody else")
    show_changes(f"node/core/services/network/peers/{identity[-8:]}", before, flatten_tree(bob.beam("tree")))
    say("   same identity, same name, same tunnel: a 504 page is what visitors see of it")


def main() -> None:
    """Tell the story; raise at the first thing that doesn't hold."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="beam-demo-") as folder:
        root = Path(folder)
        carol = Daemon(root / "carol", *LOOPBACK)
        with web_application() as port, daemons(carol):
            carol.start()
            known = carol.beam("id")["addresses"][0]
            alice = Daemon(root / "alice", *LOOPBACK, "--bootstrap", known)
            bob = Daemon(root / "bob", *LOOPBACK, "--bootstrap", known, "--chaos")
            with daemons(alice, bob):
                story(alice, bob, known, port)
    say(f"\n{GREEN}Everything held{PLAIN}, in {time.monotonic() - begin:.0f} s. Nothing of it is left on this machine.")
    say("Next, for yourself: `.venv/bin/beam 3000 --name NAME` offers what runs at localhost:3000; Ctrl-C ends it, and")
    say("`.venv/bin/beam stop` the daemon. Two people on one machine: the README, under “Use it”.")


def connected(daemon: Daemon) -> bool:
    """Whether the daemon has a session with anybody."""
    return any(row["state"] == "up" for row in daemon.beam("peers")["peers"])


def story(alice: Daemon, bob: Daemon, known: str, port: int) -> None:
    """The steps, once Carol runs."""
    with step(1, "Three daemons: Carol, whom both know; Alice, who owns a name; Bob, who visits"):
        say(f"   Carol listens at {known}")
        alice.start()
        status = bob.start()
        for daemon in (alice, bob):
            eventually(partial(connected, daemon), timeout=10, what=f"{daemon.name} is connected")
    with step(2, f"Alice registers {HOST} and exposes her web application, localhost:{port}"):
        say(f"   {typed(alice, 'expose', str(port), '--name', NAME)}")
        alice.beam("expose", str(port), "--name", NAME)
    with step(3, f"Bob's DNS knows {HOST}"):

        def answer() -> str | None:
            try:
                return resolve(endpoint(status["dns"]), HOST)
            except LookupError:
                return None

        address = eventually(answer, timeout=5, what="the name resolves")
        resolution = bob.beam("resolve", HOST)
        server, number = endpoint(status["dns"])
        say(f"   dig -p {number} @{server} {HOST}  ->  {address}")
        say(f"   owner {resolution['owner'][:16]}…, served by peer …{resolution['peer_id'][-8:]}")
    visitor = Visitor(HOST, endpoint(status["https"]), Path(bob.beam("ca")["path"]))
    with step(4, "Verified HTTPS, a WebSocket and a streamed upload, end to end"):
        code, body = visitor.get()
        heading = body.partition(b"<h1>")[2].partition(b"</h1>")[0].decode()
        say(f"   {curl(visitor)}  ->  {code}, {len(body)} bytes: {heading}")
        if code != 200 or b"Hello from" not in body:
            raise AssertionError(body)
        answers = visitor.websocket("hello", "beam")
        say(f"   WebSocket: hello, beam  ->  {', '.join(answers)}")
        if answers != ["HELLO", "BEAM"]:
            raise AssertionError(answers)
        if not visitor.upload(UPLOAD):
            raise AssertionError("the upload's hash differs")
        say(f"   upload of {UPLOAD >> 20} MiB, hashed at the other end: equal")
    with step(5, "Let it crash: Bob's session with Alice, then Bob's actor for Alice"):
        crash_actors(bob, visitor, alice.beam("id")["peer_id"])
    with step(6, "Let it crash harder: Alice's whole daemon"):
        kill_owner(alice, bob, visitor)
    with step(7, "Bob's supervision tree"):
        say("\n".join("   " + line for line in bob.run("tree").stdout.splitlines()))


if __name__ == "__main__":
    main()
