"""What a person waits for: the command line, the first URL, a name at the visitor, registering, a request by HTTPS.

`python -m benchmarks.first_use` prints each figure beside its bound and exits with 1 if one is missed.
"""

import http.client
import os
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons
from benchmarks.report import keep, quantile, summary
from benchmarks.target import serving
from simulations.demo.visitor import resolve

OWNERS, NAMES_EACH = 7, 15


def endpoint(address: str) -> tuple[str, int]:
    """`127.0.0.1:53` as a socket address."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def first_url(root: Path, target: int) -> float:
    """Seconds from `beam PORT` on a fresh home, with no daemon before, to the line that holds the URL."""
    home = root / "fresh"
    environment = {**os.environ, "BEAM_HOME": str(home), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    start = time.perf_counter()
    command = [sys.executable, "-m", "beam_actors", str(target)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if "https://" in line:
                seconds = time.perf_counter() - start
                run.send_signal(signal.SIGINT)
                run.wait(10)
                break
        else:
            raise RuntimeError("beam printed no URL")
    subprocess.run([sys.executable, "-m", "beam_actors", "stop"], env=environment, check=True, capture_output=True)
    return seconds


def until_resolved(visitor_dns: tuple[str, int], name: str) -> None:
    """Ask the visitor's DNS until it knows the name."""
    while True:
        try:
            resolve(visitor_dns, name)
        except LookupError:
            time.sleep(0.005)
        else:
            return


def timed(action: Callable[[], object]) -> float:
    """Seconds that `action` takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def get(connection: http.client.HTTPConnection, host: str) -> None:
    """One small request on a kept-alive connection."""
    connection.request("GET", "/", headers={"Host": host})
    connection.getresponse().read()


def https(address: tuple[str, int], ca: str, host: str) -> http.client.HTTPConnection:
    """A verified HTTPS connection to the visitor's ingress."""
    connection = http.client.HTTPConnection(host, timeout=10)
    raw = socket.create_connection(address, timeout=10)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sock = ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname=host)
    return connection


def kept_alive(address: tuple[str, int], ca: str, host: str, target: int, count: int = 300) -> tuple[list[float], ...]:
    """Milliseconds of requests directly and through the tunnel, alternating."""
    direct = http.client.HTTPConnection("127.0.0.1", target, timeout=10)
    tunnelled = https(address, ca, host)
    pairs = [(timed(lambda: get(direct, "x")) * 1e3, timed(lambda: get(tunnelled, host)) * 1e3) for _ in range(count)]
    direct.close()
    tunnelled.close()
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def main() -> int:
    """Measure, print, keep; the exit code says whether all bounds held."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody's daemon compiles its modules at each start
    rows: list[tuple[str, float, float, str]] = []
    raw: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="beam-bench-") as folder, serving() as target:
        root = Path(folder)
        first_url(root / "once", target)  # after an installation
        raw["first url, s"] = [first_url(root / str(number), target) for number in range(5)]
        rows.append(("beam PORT to its URL, fresh home", statistics.median(raw["first url, s"]), 1.5, "s"))
        visitor = Daemon(root / "visitor", *LOOPBACK)
        owners = [Daemon(root / f"owner{number}", *LOOPBACK) for number in range(OWNERS)]
        with daemons(visitor, *owners):
            status = visitor.start()
            for words, bound in (("--help", 0.12), ("status", 0.25)):
                raw[f"beam {words}, s"] = [timed(partial(visitor.run, words)) for _ in range(11)]
                rows.append((f"beam {words}", statistics.median(raw[f"beam {words}, s"]), bound, "s"))
            dns, known = endpoint(status["dns"]), visitor.beam("id")["addresses"][0]
            for owner in owners:
                owner.start()
                owner.beam("connect", known)
            raw["register, s"] = [
                timed(partial(owner.beam, "register", f"bench-{index}-{number}"))
                for index, owner in enumerate(owners)
                for number in range(NAMES_EACH)
            ][:100]
            rows.append(("register, p99 of 100, with the CLI's start", quantile(raw["register, s"], 0.99), 1.0, "s"))
            owners[0].beam("expose", str(target), "--name", "bench-site")
            raw["resolve, s"] = [timed(lambda: until_resolved(dns, "bench-site.local"))]
            rows.append(("a new name resolves at the visitor", raw["resolve, s"][0], 1.0, "s"))
            address, ca = endpoint(status["https"]), visitor.beam("ca")["path"]
            host = "bench-site.local"
            raw["cold first byte, s"] = [timed(lambda: get(https(address, ca, host), host))]
            rows.append(("cold first byte through HTTPS", raw["cold first byte, s"][0], 0.3, "s"))
            direct, tunnelled = kept_alive(address, ca, host, target)
            raw["direct, ms"], raw["tunnelled, ms"] = direct, tunnelled
            more = statistics.median(tunnelled) - statistics.median(direct)
            rows.append(("kept-alive HTTPS request, more than directly at the median", more, 5.0, "ms"))
    for what, value, bound, unit in rows:
        print(f"{'ok  ' if value < bound else 'MISS'} {what}: {value:.3f} {unit} (bound {bound:g})")
    for what, values in raw.items():
        print(f"     {what}: {summary(values, '')}")
    print(f"raw: {keep('first-use', {'raw': raw})}")
    return 0 if all(value < bound for _, value, bound, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
