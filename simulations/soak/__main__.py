"""All parts of the soak, one after another, with the fuzzers beside those that measure nothing.

`python -m simulations.soak [PART …]` runs the named parts only. Exit code 0 means that everything held.
"""

import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from simulations.soak import Say, abandoned, crashes, floods, fuzzing, kills, pauses, transfers

Part = Callable[[Path, Say], None]
TIMED: dict[str, Part] = {
    "crashes": crashes.run,
    "pauses": pauses.run,
    "floods": floods.run,
    "transfers": transfers.run,
}
"""Parts with deadlines: nothing else runs beside them."""
UNTIMED: dict[str, Part] = {"kills": kills.run, "abandoned": abandoned.run}
"""Parts that may run beside the fuzzers."""


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"   {text}", flush=True)


def run_part(name: str, part: Part) -> bool:
    """Run one part in a folder of its own; whether it held."""
    print(f"{name}:", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="beam-soak-", ignore_cleanup_errors=True) as folder:
        try:
            part(Path(folder), say)
        except BaseException as error:  # noqa: BLE001 (every part gets its turn; the exit code tells)
            traceback.print_exc()
            for log in sorted(Path(folder).rglob("beam.log")):
                print(f"--- the end of {log.parent.name}'s log", *log.read_text().splitlines()[-15:], sep="\n")
            say(f"FAILED: {error}")
            return False
    say(f"held, {time.monotonic() - start:.0f} s")
    return True


def fuzz_beside(names: list[str]) -> bool:
    """Run the untimed parts with the fuzzers beside them; whether all of it held."""
    fuzzers = fuzzing.Fuzzers(at_once=8)
    stop = threading.Event()

    def poll() -> None:
        while not stop.is_set():
            fuzzers.poll()
            stop.wait(0.5)

    poller = threading.Thread(target=poll)
    poller.start()
    held = [run_part(name, UNTIMED[name]) for name in names]
    stop.set()
    poller.join()
    start = time.monotonic()
    print("fuzzing:", flush=True)
    try:
        fuzzers.finish()
    except AssertionError as error:
        say(f"FAILED: {error}")
        return False
    say(f"{fuzzers.count} parsers, {fuzzing.SECONDS} s each: nothing found, {time.monotonic() - start:.0f} s more")
    return all(held)


def main(chosen: list[str]) -> int:
    """Run the chosen parts, or all; the exit code."""
    start = time.monotonic()
    everything = [*TIMED, *UNTIMED, "fuzzing"]
    unknown = set(chosen) - set(everything)
    if unknown:
        print(f"There is no part {sorted(unknown)}; the parts are {everything}.", file=sys.stderr)
        return 2
    wanted = chosen or everything
    held = [run_part(name, part) for name, part in TIMED.items() if name in wanted]
    untimed = [name for name in UNTIMED if name in wanted]
    if "fuzzing" in wanted:
        held.append(fuzz_beside(untimed))
    else:
        held += [run_part(name, UNTIMED[name]) for name in untimed]
    print(f"{sum(held)} passed, {len(held) - sum(held)} failed")
    print(f"The soak took {time.monotonic() - start:.0f} s.", flush=True)
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
