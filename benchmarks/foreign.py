"""Tunnels out of py-libp2p, iroh's binding, and plain Python; `python -m benchmarks.foreign` installs iroh's.

Each lives in a virtual environment of its own below `.lab`, since their dependencies are no business of this project;
py-libp2p's is the one that the interop tests use (tests/interop/install_lab.py). What can't be had is left out.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LAB = Path(__file__).parents[1] / ".lab"
RELAYS = Path(__file__).parent / "relays"
IROH = "iroh==1.2.0"
PYTHONS = {
    "libp2p": LAB / "py" / "bin" / "python",
    "iroh": LAB / "iroh" / "bin" / "python",
    "python": Path(sys.executable),
}
"""Stack -> the interpreter that runs it; "python" is no stack, but what the language itself costs."""
_MODULES = {"python": "cryptography"}


def available(stack: str) -> bool:
    """Whether the stack's interpreter is there and finds it."""
    python = PYTHONS[stack]
    return (
        python.exists()
        and not subprocess.run(
            [python, "-c", f"import {_MODULES.get(stack, stack)}"], capture_output=True, check=False
        ).returncode
    )


def version(stack: str) -> str:
    """Its version and its interpreter's."""
    name = _MODULES.get(stack, stack)
    code = f"import sys, importlib.metadata as m; print(m.version('{name}'), 'on Python', sys.version.split()[0])"
    done = subprocess.run([PYTHONS[stack], "-c", code], capture_output=True, text=True, check=True)
    return f"{name} {done.stdout.strip()}"


@contextmanager
def _running(stack: str, role: str, argument: str) -> Iterator[str]:
    """One end as a process; yields the line that it says when it is ready, and ends it by the end of its input."""
    command = [str(PYTHONS[stack]), str(RELAYS / f"{stack}_forward.py"), role, argument]
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline().strip()
            if not line:
                raise RuntimeError(f"the {role} of {stack} did not start")
            yield line
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def foreign_forward(stack: str, target: int) -> Iterator[int]:
    """Forward a loopback port to `target` through two processes of the stack; yield the forwarding port."""
    with _running(stack, "owner", str(target)) as address, _running(stack, "visitor", address) as port:
        yield int(port)


def install_iroh() -> None:
    """Put iroh's binding into an environment of its own, once."""
    venv = LAB / "iroh"
    if available("iroh"):
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
    command = [str(PYTHONS["iroh"]), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", IROH]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    install_iroh()
