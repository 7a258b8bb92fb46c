"""Tunnels side by side: ours, OpenSSH's, stunnel's, py-libp2p's, iroh's and none, alternating, in one run.

`python -m benchmarks.tunnel [--rounds N] [--quick] [--check] [--floors]` prints ratios to OpenSSH within each round,
keeps the raw figures and draws them. One transfer goes through a recorder besides (benchmarks/recorded.py). The exit
code is 1 if that is not ciphertext, if a load failed on us, or, with `--check`, if a ratio is worse than its bound in
benchmarks/floors.toml; `--floors` writes that file.
"""

import argparse
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import ExitStack
from pathlib import Path

import attrs

from benchmarks import foreign, ratios, recorded, sshd, stunnel
from benchmarks.load import Figures, Load, Stuck, run
from benchmarks.measures import MEASURES, TASKS, Task
from benchmarks.pair import connected_pair
from benchmarks.plot import draw
from benchmarks.report import keep, machine
from benchmarks.target import serving

FLOORS = Path(__file__).parent / "floors.toml"
SECONDS, QUICK_SECONDS = 0.6, 0.3
GUEST_ROUNDS = 3
"""Guests take part in every third round: they are there to be seen beside us, and are slow to measure."""
NAME = "bench-site"
OURS = ("beam", "beam https")


@attrs.frozen(slots=True, kw_only=True)
class Contestant:
    """A way from the load generator to the target."""

    name: str
    port: int
    host: str = "bench"
    ca: str = ""
    roles: tuple[str, ...] = ("bulk down", "bulk up", "requests", "connects")
    guest: bool = False


@attrs.define
class Run:
    """What has been measured so far."""

    rounds: dict[str, dict[str, list[float | None]]] = attrs.field(factory=dict)
    failures: list[dict[str, str | int]] = attrs.field(factory=list)
    given_up: set[tuple[str, Task]] = attrs.field(factory=set)

    def failed(self, contestant: Contestant, task: Task, number: int, why: str) -> None:
        """Remember and tell it."""
        self.failures.append(
            {"contestant": contestant.name, "task": f"{task.role} {task.connections}", "round": number, "why": why}
        )
        print(f"{contestant.name}, {task.role} over {task.connections}: {why}", file=sys.stderr, flush=True)

    def add(self, contestant: Contestant, task: Task, figures: Figures | None) -> None:
        """Take the figures of a load, or None for each of them."""
        for measure in MEASURES:
            if measure.task == task:
                series = self.rounds.setdefault(measure.name, {}).setdefault(contestant.name, [])
                series.append(figures[measure.key] if figures else None)


def enter(stack: ExitStack, port: int) -> tuple[list[Contestant], dict[str, str], list[str]]:
    """Start everything that is installed: the contestants, their versions, and a sentence on each that is missing."""
    pair = stack.enter_context(connected_pair())
    https, host, ca = pair.offer_https(port, NAME)
    contestants = [
        Contestant(name=ratios.BARE, port=port),
        Contestant(name="beam", port=pair.offer_raw(port)),
        Contestant(name="beam https", port=https, host=host, ca=ca, roles=("requests",)),
    ]
    versions, missing = {}, []
    if sshd.available():
        contestants.insert(1, Contestant(name="ssh", port=stack.enter_context(sshd.ssh_forward(port))))
        versions["ssh"] = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr.strip()
    else:
        missing.append("OpenSSH is not installed: there are no ratios")
    if stunnel.available():
        contestants.append(Contestant(name="stunnel", port=stack.enter_context(stunnel.stunnel_forward(port))))
        versions["stunnel"] = stunnel.version()
    else:
        missing.append("stunnel is not installed (Debian: stunnel4)")
    for stack_name in foreign.PYTHONS:
        if not foreign.available(stack_name):
            missing.append(
                f"{stack_name} is not installed (python -m benchmarks.foreign, tests/interop/install_lab.py)"
            )
            continue
        forwarded = stack.enter_context(foreign.foreign_forward(stack_name, port))
        contestants.append(Contestant(name=stack_name, port=forwarded, guest=stack_name != "python"))
        versions[stack_name] = foreign.version(stack_name)
    return contestants, versions, missing


def measure(contestants: list[Contestant], service: int, rounds: int, seconds: float) -> Run:
    """Every task with every contestant in each round; who begins changes from round to round."""
    result = Run()
    for number in range(rounds):
        begun = time.monotonic()
        for task in TASKS:
            turn = number % len(contestants)
            for one in contestants[turn:] + contestants[:turn]:
                if task.role not in one.roles:
                    continue
                figures = None
                if (number % GUEST_ROUNDS == 0 or not one.guest) and (one.name, task) not in result.given_up:
                    figures = attempt(result, one, task, number, Load(
                        role=task.role, port=one.port, target=service, seconds=seconds,
                        connections=task.connections, host=one.host, ca=one.ca,
                    ))  # fmt: skip
                result.add(one, task, figures)
        print(f"round {number + 1} of {rounds}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return result


def attempt(result: Run, one: Contestant, task: Task, number: int, load: Load) -> Figures | None:
    """One load. Who fails gives up the task, since a failure may take a minute."""
    try:
        figures = run(load)
    except Stuck as error:
        result.given_up.add((one.name, task))
        result.failed(one, task, number, str(error))
        return None
    if not figures["drained"]:
        result.failed(one, task, number, "connections were still open long after the load had ended")
    return figures


def bounds() -> ratios.Bounds:
    """The kept bounds."""
    kept: dict[str, dict[str, float]] = tomllib.loads(FLOORS.read_text())
    return kept


def main() -> int:
    """Measure, print, keep, draw; the exit code says whether anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true", help="3 rounds of shorter loads")
    parser.add_argument("--check", action="store_true", help="fail if a ratio is worse than its kept bound")
    parser.add_argument("--floors", action="store_true", help="keep what is measured as the new bounds")
    chosen = parser.parse_args()
    rounds = chosen.rounds or (3 if chosen.quick else 11)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no daemon of ours outlives a run that is ended
    wrong, record = recorded.report()
    with ExitStack() as stack:
        service = stack.enter_context(serving())
        contestants, versions, missing = enter(stack, service)
        result = measure(contestants, service, rounds, QUICK_SECONDS if chosen.quick else SECONDS)
    described = machine()
    wrong += [f"{f['contestant']}, {f['task']}: {f['why']}" for f in result.failures if f["contestant"] in OURS]
    if chosen.check:
        wrong += ratios.missed(result.rounds, bounds())
    title = (
        f"{described['cpu']}, {described['cores']} cores, Python {described['python']} ({described['build']}), "
        f"{described['commit']}, {rounds} rounds"
    )
    if chosen.floors:
        FLOORS.write_text(ratios.floors(result.rounds, OURS, f"Measured {time.strftime('%Y-%m-%d')}: {title}."))
    print(f"{title}\n{', '.join(versions.values())}\n\n{ratios.table(result.rounds)}\n")
    print("\n".join([*ratios.goals(result.rounds), *missing]))
    if spare := ratios.headroom(result.rounds):
        print(f"without a tunnel the generator does at least {spare[0]:.1f} times what the fastest does ({spare[1]})")
    path = keep("tunnel", {
        "rounds": result.rounds, "failures": result.failures, "versions": versions, "missing": missing,
        "recorded": record,
    })  # fmt: skip
    print(f"raw: {path}\n{draw(result.rounds, title, path.with_suffix('.png'))}")
    for what in wrong:
        print(f"MISS {what}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
