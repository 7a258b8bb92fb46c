"""A private OpenSSH server on loopback with throw-away keys, and `ssh -L` through it: the program to compare with."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
CIPHER = "aes256-gcm@openssh.com"


def available() -> bool:
    """Whether an OpenSSH client and server are installed."""
    return Path(SSHD).exists() and shutil.which("ssh") is not None


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, *, timeout: float = 10.0) -> None:
    """Return once something listens on the loopback port."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def ssh_forward(target: int) -> Iterator[int]:
    """Forward a loopback port to `target` through a private sshd with AES-256-GCM; yield the forwarding port."""
    with tempfile.TemporaryDirectory(prefix="beam-sshd-") as folder:
        root = Path(folder)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / name)], check=True)
        (root / "authorized").write_bytes((root / "user.pub").read_bytes())
        server_port, port = free_port(), free_port()
        Path("/run/sshd").mkdir(exist_ok=True)
        server = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", "/dev/null", "-h", str(root / "host"), "-p", str(server_port)]
            + [x for option in _server_options(root) for x in ("-o", option)],
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(server_port)
        client = subprocess.Popen(
            ["ssh", "-N", "-F", "/dev/null", "-i", str(root / "user"), "-p", str(server_port), "-c", CIPHER]
            + [x for option in _client_options(root) for x in ("-o", option)]
            + ["-L", f"127.0.0.1:{port}:127.0.0.1:{target}", "127.0.0.1"]
        )
        try:
            wait_for_port(port)
            yield port
        finally:
            for process in (client, server):
                process.terminate()
                process.wait(timeout=10)


def _server_options(root: Path) -> list[str]:
    return [
        "ListenAddress=127.0.0.1",
        f"AuthorizedKeysFile={root / 'authorized'}",
        "StrictModes=no",
        "UsePAM=no",
        "MaxStartups=1000",
        "MaxSessions=1000",
        f"PidFile={root / 'pid'}",
    ]


def _client_options(root: Path) -> list[str]:
    return ["StrictHostKeyChecking=no", f"UserKnownHostsFile={root / 'known'}", "LogLevel=ERROR"]
