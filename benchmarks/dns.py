"""DNS for known names beside dnsmasq and unbound: questions a second and the latency of one, in turn, in one run.

`python -m benchmarks.dns [ROUNDS]` asks each server for the same names by `dnsperf`, which is nobody's own program, and
prints the ratios to dnsmasq; the exit code is 1 if a bound is missed. A server that is not installed is left out. Where
the kernel puts two processes that wait for each other decides more of the latency than the server does, and changes
from minute to minute, so it is measured with client and server on one core, and on two. Questions a second are counted
as the kernel places them, and with dnsperf on one core and the server on another.

Debian has all of them: `apt install dnsperf dnsmasq-base unbound`.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import attrs
import dnslib

from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons, eventually
from benchmarks.report import keep, quantile

NAMES = [f"bench-{number}.local" for number in range(16)]  # as many as one owner may hold
SECONDS = 4
IN_FLIGHT = 100
ALONE = 5_000
PLACES = {"one core": (0, 0), "two cores": (0, 1)}
"""Which of the usable cores the client and the server have while latency is measured."""
BOUNDS = {"questions/s": 1.0, "questions/s on two cores": 1.0, **{f"latency on {place}, µs": 1.5 for place in PLACES}}
"""Ratios to dnsmasq: at least for the first, at most for the second."""


@attrs.frozen
class Contestant:
    """A server that runs."""

    port: int
    pid: int

    @contextmanager
    def placed(self, place: str) -> Iterator[None]:
        """It and this process on the cores of a place; where there is one core alone, both have it."""
        cores = sorted(os.sched_getaffinity(0))
        mine, its = ({cores[number % len(cores)]} for number in PLACES[place])
        try:
            os.sched_setaffinity(0, mine)
            self._put(its)
            yield
        finally:
            os.sched_setaffinity(0, cores)
            self._put(set(cores))

    def _put(self, cores: set[int]) -> None:
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def free_port() -> int:
    """A port of loopback that nobody has, over UDP and TCP alike."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def beam(folder: Path) -> Iterator[Contestant]:
    """A daemon that has registered the names."""
    daemon = Daemon(folder / "beam", *LOOPBACK)
    with daemons(daemon):
        status = daemon.start()
        for name in NAMES:
            daemon.beam("register", name)
        assert daemon.process is not None
        yield Contestant(int(status["dns"].rpartition(":")[2]), daemon.process.pid)


def answers(port: int, name: str) -> bool:
    """Whether a DNS server there gives an address for the name, soon."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, suppress(OSError):
        udp.settimeout(0.2)
        udp.connect(("127.0.0.1", port))
        udp.send(dnslib.DNSRecord.question(name, "A").pack())
        return bool(dnslib.DNSRecord.parse(udp.recv(4096)).rr)
    return False


@contextmanager
def server(command: list[str], port: int) -> Iterator[Contestant]:
    """A foreign server that stays in the foreground, once it answers."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(partial(answers, port, NAMES[0]), timeout=10, what=f"{command[0]} answers")
            yield Contestant(port, process.pid)
        finally:
            process.terminate()
            process.wait(10)


def dnsmasq(program: str, folder: Path, port: int) -> list[str]:
    """The names as records of its own."""
    records = [f"--host-record={name},127.77.0.{number + 1}" for number, name in enumerate(NAMES)]
    options = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=127.0.0.1"]
    (empty := folder / "dnsmasq.conf").touch()
    own = [f"--conf-file={empty}", f"--pid-file={folder / 'dnsmasq.pid'}", f"--port={port}", "--local-ttl=10"]
    return [program, *own, *options, *records]


def unbound(program: str, folder: Path, port: int) -> list[str]:
    """The names as local data of an Unbound with one thread."""
    data = "".join(f'  local-data: "{name}. 10 IN A 127.77.0.{number + 1}"\n' for number, name in enumerate(NAMES))
    path = folder / "unbound.conf"
    path.write_text(
        "server:\n  use-syslog: no\n  logfile: ''\n  do-daemonize: no\n  username: ''\n  chroot: ''\n  num-threads: 1\n"
        f"  interface: 127.0.0.1@{port}\n  pidfile: '{folder / 'unbound.pid'}'\n  local-zone: \"local.\" static\n{data}"
    )
    return [program, "-d", "-c", str(path)]


FOREIGN: dict[str, Callable[[str, Path, int], list[str]]] = {"dnsmasq": dnsmasq, "unbound": unbound}
_PROGRAMS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"  # sbin is in no ordinary PATH
_FIGURES = {
    "questions/s": re.compile(r"Queries per second:\s+([\d.]+)"),
    "lost": re.compile(r"Queries lost:\s+(\d+)"),
    "codes": re.compile(r"Response codes:\s+(.*)"),
}


def rate(questions: Path, port: int) -> float:
    """Questions a second in one run of dnsperf, each of which must have been answered, and with NOERROR."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(questions), "-l", str(SECONDS)]
    command += ["-q", str(IN_FLIGHT), "-c", "4"]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    found = {what: pattern.search(output) for what, pattern in _FIGURES.items()}
    figures = {what: match.group(1) for what, match in found.items() if match}
    if int(figures["lost"]) or not figures["codes"].startswith("NOERROR") or "," in figures["codes"]:
        raise RuntimeError(f"not every question was answered:\n{output}")
    return float(figures["questions/s"])


def latency(port: int) -> float:
    """The median of the microseconds in which one question after the other is answered."""
    questions = [bytes(dnslib.DNSRecord.question(name, "A").pack()) for name in NAMES]
    spent = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.connect(("127.0.0.1", port))
        for number in range(ALONE):
            start = time.perf_counter()
            udp.send(questions[number % len(questions)])
            udp.recv(4096)
            spent.append(time.perf_counter() - start)
    return statistics.median(spent) * 1e6


@contextmanager
def running(folder: Path) -> Iterator[dict[str, Contestant]]:
    """Every server that is to be had, once it knows all names."""
    with ExitStack() as stack:
        servers = {"beam": stack.enter_context(beam(folder))}
        for name, configure in FOREIGN.items():
            program = shutil.which(name, path=_PROGRAMS)
            if program is not None:
                port = free_port()
                servers[name] = stack.enter_context(server(configure(program, folder, port), port))
        for contestant in servers.values():  # a daemon lets strangers in slowly: a name that was not found yet may wait
            for question in NAMES:
                eventually(partial(answers, contestant.port, question), timeout=10, what=f"{question} is known")
        yield servers


def main(rounds: int) -> int:
    """Measure all servers `rounds` times in turn; the exit code says whether the bounds hold."""
    if shutil.which("dnsperf") is None:
        print("skipped: dnsperf is not installed (Debian: apt install dnsperf dnsmasq-base unbound)")
        return 0
    results: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="beam-bench-") as folder, running(Path(folder)) as servers:
        questions = Path(folder) / "questions"
        questions.write_text("".join(f"{name} A\n" for name in NAMES))
        for number in range(rounds):
            order = list(servers)[number % len(servers) :] + list(servers)[: number % len(servers)]
            for name in order:
                contestant, series = servers[name], results.setdefault(name, {})
                series.setdefault("questions/s", []).append(rate(questions, contestant.port))
                with contestant.placed("two cores"):
                    series.setdefault("questions/s on two cores", []).append(rate(questions, contestant.port))
                for place in PLACES:
                    with contestant.placed(place):
                        series.setdefault(f"latency on {place}, µs", []).append(latency(contestant.port))
            print(f"round {number + 1} of {rounds} done", file=sys.stderr, flush=True)
    missed = 0
    for measure, bound in BOUNDS.items():
        line = ", ".join(f"{name} {statistics.median(series[measure]):,.0f}" for name, series in results.items())
        if "dnsmasq" in results:
            pairs = zip(results["beam"][measure], results["dnsmasq"][measure], strict=True)
            ratios = [ours / theirs for ours, theirs in pairs]
            at_most = "latency" in measure
            worse = quantile(ratios, 0.75 if at_most else 0.25)
            holds = worse <= bound if at_most else worse >= bound
            missed += not holds
            line += (
                f" | to dnsmasq: median {statistics.median(ratios):.2f}, worse quartile {worse:.2f}, "
                f"{'at most' if at_most else 'at least'} {bound:g}: {'ok' if holds else 'MISS'}"
            )
        print(f"{measure}: {line}")
    print(f"raw: {keep('dns', {'rounds': results})}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 11))
