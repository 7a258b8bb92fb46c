"""Install the foreign libp2p peers that judge the wire: `python tests/interop/install_lab.py [FOLDER]`.

FOLDER is `.lab` unless given.

- go: `p2pd` (go-libp2p 0.32) out of the wheel `hivemind` 1.1.12; one static x86-64 binary for Linux.
- py: `libp2p` 0.8.1 in a virtual environment of its own (Python 3.12 if there is one; builds need gcc and libgmp).

What cannot be installed here is named and skipped; the tests that need it then skip and say so.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

P2PD_MEMBER = "hivemind/hivemind_cli/p2pd"
P2PD_SHA256 = "42f8f48e62583b97cdba3c31439c08029fb2b9fc506b5bdd82c46b7cc1d279d8"
PIP = ("--disable-pip-version-check", "--quiet")


def python_for_lab() -> str:
    """The newest tried Python for py-libp2p, else the running one."""
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.12.*/bin/python"))
    for candidate in ("python3.12", *map(str, pyenv)):
        found = shutil.which(candidate)
        if (
            found
            and subprocess.run([found, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0
        ):
            return found
    return sys.executable


def install_go(lab: Path) -> None:
    target = lab / "p2pd"
    if target.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", *PIP, "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", folder, "hivemind==1.1.12"], check=True)
        with zipfile.ZipFile(next(Path(folder).glob("hivemind-*.whl"))) as wheel:
            binary = wheel.read(P2PD_MEMBER)
    if hashlib.sha256(binary).hexdigest() != P2PD_SHA256:
        raise SystemExit("p2pd is not the binary that was tried; nothing was installed.")
    target.write_bytes(binary)
    target.chmod(0o755)


def install_py(lab: Path) -> None:
    venv = lab / "py"
    if (venv / "installed").exists():
        return
    subprocess.run([python_for_lab(), "-m", "venv", "--clear", str(venv)], check=True)
    subprocess.run([str(venv / "bin/python"), "-m", "pip", "install", *PIP, "libp2p==0.8.1"], check=True)
    (venv / "installed").touch()


def main() -> int:
    lab = Path(sys.argv[1] if len(sys.argv) > 1 else ".lab").resolve()
    lab.mkdir(parents=True, exist_ok=True)
    missing = 0
    for name, install in (("go", install_go), ("py", install_py)):
        try:
            install(lab)
        except (subprocess.CalledProcessError, OSError) as error:
            sys.stderr.write(f"{name}: not installed: {error}\n")
            missing += 1
        else:
            sys.stdout.write(f"{name}: installed in {lab}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
