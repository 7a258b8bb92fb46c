"""stunnel on loopback, a client and a server with a certificate made for it: TLS 1.3 with AES-256-GCM."""

import datetime as dt
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks import sshd

STUNNEL = shutil.which("stunnel") or shutil.which("stunnel4") or ""
COMMON = """
foreground = yes
pid =
syslog = no
debug = err
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
sslVersionMin = TLSv1.3
ciphersuites = TLS_AES_256_GCM_SHA384
"""
SERVER = "[server]\naccept = 127.0.0.1:{accept}\nconnect = 127.0.0.1:{connect}\ncert = {cert}\nkey = {key}\n"
CLIENT = (
    "[client]\nclient = yes\naccept = 127.0.0.1:{accept}\nconnect = 127.0.0.1:{connect}\n"
    "CAfile = {cert}\nverifyPeer = yes\n"
)


def available() -> bool:
    """Whether stunnel is installed."""
    return bool(STUNNEL)


def version() -> str:
    """Its version, and that of the OpenSSL that it runs with."""
    said = subprocess.run([STUNNEL, "-version"], capture_output=True, text=True, check=False).stderr
    program, library = re.search(r"stunnel [\d.]+", said), re.findall(r"OpenSSL [\d.]+", said)
    return ", ".join([program[0] if program else "stunnel", *library[-1:]])


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate and its key, as files; good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


@contextmanager
def stunnel_forward(target: int) -> Iterator[int]:
    """Forward a loopback port to `target` through two stunnels; yield the forwarding port."""
    with tempfile.TemporaryDirectory(prefix="beam-stunnel-") as folder:
        root = Path(folder)
        cert, key = certificate(root)
        between, port = sshd.free_port(), sshd.free_port()
        processes = []
        try:
            for section, accept, connect in ((SERVER, between, target), (CLIENT, port, between)):
                config = root / f"{accept}.conf"
                config.write_text(COMMON + section.format(accept=accept, connect=connect, cert=cert, key=key))
                processes.append(subprocess.Popen([STUNNEL, str(config)], stderr=subprocess.DEVNULL))
                sshd.wait_for_port(accept)
            yield port
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(timeout=10)
