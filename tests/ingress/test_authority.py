import contextlib
import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from beam_actors.errors import StoreDamaged
from beam_actors.ingress.authority import ISSUER_FILE, ROOT_FILE, LocalAuthority
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles

NOW = 1_800_000_000.0
SUFFIXES = ("local", "localhost")
DAY = 86400.0


def authority(**arguments):
    return LocalAuthority.create(SeededEntropy(1), **{"now": NOW, "suffixes": SUFFIXES, **arguments})


def opened(files, *, now=NOW, suffixes=SUFFIXES, seed=1):
    return LocalAuthority.open(files, SeededEntropy(seed), now=now, suffixes=suffixes)


def leaf_of(certified):
    return x509.load_pem_x509_certificates(certified.chain)[0]


def value(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def test_root_and_intermediate_are_constrained():
    made = authority(suffixes=("beam",))
    for certificate, path_length in ((made.root, 1), (made.intermediate, 0)):
        constraints = value(certificate, x509.NameConstraints)
        assert constraints.critical
        assert [name.value for name in constraints.value.permitted_subtrees] == ["beam", "localhost"]
        assert [str(name.value) for name in constraints.value.excluded_subtrees] == ["0.0.0.0/0", "::/0"]
        basic = value(certificate, x509.BasicConstraints)
        assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, path_length)
        assert value(certificate, x509.KeyUsage).critical


def test_what_is_made_follows_from_the_entropy_where_openssl_can_sign_so():
    if not backend.ecdsa_deterministic_supported():
        pytest.skip("this OpenSSL draws a nonce for each signature")
    one, other = authority(), authority()
    assert one.issuer_pem == other.issuer_pem
    assert one.issue("byronwade.local", now=NOW).chain == other.issue("byronwade.local", now=NOW).chain


def test_a_leaf():
    made = authority()
    certified = made.issue("byronwade.local", now=NOW)
    leaf = leaf_of(certified)
    names = value(leaf, x509.SubjectAlternativeName)
    assert names.critical
    assert names.value.get_values_for_type(x509.DNSName) == ["byronwade.local"]
    assert len(leaf.subject) == 0
    assert list(value(leaf, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not value(leaf, x509.BasicConstraints).value.ca
    assert leaf.not_valid_after_utc.timestamp() == NOW + 7 * DAY
    assert leaf.not_valid_before_utc.timestamp() == NOW - 3600
    assert isinstance(leaf.public_key().curve, ec.SECP256R1)
    key = serialization.load_pem_private_key(certified.key, password=None)
    assert key.public_key() == leaf.public_key()
    leaf.verify_directly_issued_by(made.intermediate)
    assert "PRIVATE" not in repr(certified)
    other = leaf_of(made.issue("other.local", now=NOW))
    assert other.serial_number != leaf.serial_number
    assert other.public_key() != leaf.public_key()


def test_a_leaf_does_not_outlive_its_authority():
    made = authority()
    end = made.intermediate.not_valid_after_utc
    leaf = leaf_of(made.issue("a.local", now=(end - timedelta(days=1)).timestamp()))
    assert leaf.not_valid_after_utc == end


def test_the_authority_is_kept_and_its_root_key_is_not():
    disk = MemoryDisk()
    files = SimFiles(disk)
    made = opened(files)
    written = disk.used
    again = opened(files, seed=2)
    assert again.root == made.root
    assert again.intermediate == made.intermediate
    assert disk.names == sorted([ISSUER_FILE, ROOT_FILE])
    assert disk.used == written
    assert files.read(ROOT_FILE) == made.root_pem
    leaf_of(again.issue("a.local", now=NOW)).verify_directly_issued_by(made.intermediate)
    stored = b"".join(disk.read(name) for name in disk.names)
    assert stored.count(b"PRIVATE KEY-----") == 2  # one key: its first and its last line
    key = serialization.load_pem_private_key(files.read(ISSUER_FILE), password=None)
    assert key.public_key() == made.intermediate.public_key() != made.root.public_key()
    assert repr(made).startswith("<LocalAuthority ")
    assert "PRIVATE" not in repr(made)


def test_a_lost_root_certificate_is_written_again():
    files = SimFiles(MemoryDisk())
    made = opened(files)
    files.remove(ROOT_FILE)
    assert opened(files).root == made.root
    assert files.read(ROOT_FILE) == made.root_pem


def test_other_suffixes_or_a_near_end_make_a_new_authority():
    files = SimFiles(MemoryDisk())
    first = opened(files)
    second = opened(files, suffixes=("beam",), seed=2)
    assert second.root != first.root
    assert opened(files, suffixes=("beam",), now=NOW + 3619 * DAY, seed=3).root == second.root
    third = opened(files, suffixes=("beam",), now=NOW + 3621 * DAY, seed=4)
    assert third.root != second.root
    assert files.read(ROOT_FILE) == third.root_pem


@pytest.mark.parametrize("damage", ["empty", "cut", "key", "order"])
def test_a_damaged_authority_is_refused_in_words(damage):
    files = SimFiles(MemoryDisk())
    made = opened(files)
    stored = files.read(ISSUER_FILE)
    damaged = {
        "empty": b"",
        "cut": stored[:-40],
        "key": LocalAuthority.create(SeededEntropy(9), now=NOW, suffixes=SUFFIXES).issuer_pem.split(b"-----BEGIN C")[0]
        + b"-----BEGIN C"
        + stored.split(b"-----BEGIN C", 1)[1],
        "order": stored.split(b"-----BEGIN C")[0]
        + made.root_pem
        + made.intermediate.public_bytes(serialization.Encoding.PEM),
    }[damage]
    files.write(ISSUER_FILE, damaged)
    with pytest.raises(StoreDamaged, match="remove it"):
        opened(files)


# --- foreign judges ---------------------------------------------------------------------------------------------------

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl binary is not on this machine")


def judge(tmp_path, made, chain, *arguments):
    """What `openssl verify -x509_strict` says about a chain (leaf first): its exit code and words."""
    certificates = x509.load_pem_x509_certificates(chain)
    for name, content in (("root", made.root), ("leaf", certificates[0]), ("between", certificates[1])):
        (tmp_path / f"{name}.pem").write_bytes(content.public_bytes(serialization.Encoding.PEM))
    files = ["-CAfile", "root.pem", "-untrusted", "between.pem", "leaf.pem"]
    time = ["-attime", str(int(NOW + 10)), "-purpose", "sslserver"]
    command = ["openssl", "verify", "-x509_strict", *time, *arguments, *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stdout + done.stderr


@needs_openssl
@pytest.mark.parametrize("host", ["byronwade.local", "a" * 40 + "." + "b" * 52 + ".local", "a.localhost", "localhost"])
def test_openssl_accepts_our_names(tmp_path, host):
    made = authority()
    code, words = judge(tmp_path, made, made.issue(host, now=NOW).chain, "-verify_hostname", host)
    assert code == 0, words


@needs_openssl
@pytest.mark.parametrize("host", ["example.com", "google.com", "notlocal", "local.example.com"])
def test_openssl_refuses_names_outside_the_suffixes(tmp_path, host):
    made = authority()
    code, words = judge(tmp_path, made, made.issue(host, now=NOW).chain)
    assert code != 0
    assert "permitted subtree violation" in words


@needs_openssl
@pytest.mark.parametrize("ip", ["127.0.0.9", "::1"])
def test_openssl_refuses_ip_addresses(tmp_path, ip):
    made = authority()
    leaf = leaf_of(made.issue("a.local", now=NOW))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ip))])
    forged = forge(made, leaf, names)
    chain = forged.public_bytes(serialization.Encoding.PEM) + made.intermediate.public_bytes(serialization.Encoding.PEM)
    code, words = judge(tmp_path, made, chain)
    assert code != 0
    assert "excluded subtree violation" in words


def forge(made, leaf, names):
    """What a thief of the issuer's key would sign."""
    builder = (
        x509.CertificateBuilder().subject_name(leaf.subject).issuer_name(leaf.issuer).public_key(leaf.public_key())
    )
    builder = (
        builder.serial_number(5).not_valid_before(leaf.not_valid_before_utc).not_valid_after(leaf.not_valid_after_utc)
    )
    for extension in leaf.extensions:
        replaced = names if isinstance(extension.value, x509.SubjectAlternativeName) else extension.value
        builder = builder.add_extension(replaced, critical=extension.critical)
    return builder.sign(made._key, hashes.SHA256())


def contexts(made, certified, tmp_path):
    (tmp_path / "chain.pem").write_bytes(certified.chain)
    (tmp_path / "key.pem").write_bytes(certified.key)
    (tmp_path / "root.pem").write_bytes(made.root_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    client = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    return server, client


def shake_hands(server_context, client_context, host):
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return client


def wide_now(**arguments):
    """An authority for the real clock, which the judges below read."""
    now = time.time()
    return authority(now=now, **arguments), now


def test_python_accepts_our_names_and_no_others(tmp_path):
    made, now = wide_now()
    server, client = contexts(made, made.issue("byronwade.local", now=now), tmp_path)
    assert shake_hands(server, client, "byronwade.local").version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(server, client, "other.local")
    server, client = contexts(made, made.issue("example.com", now=now), tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake_hands(server, client, "example.com")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the curl binary is not on this machine")
@pytest.mark.parametrize(("host", "code"), [("byronwade.local", 0), ("example.com", 60)])
def test_curl_accepts_our_names_and_no_others(tmp_path, host, code):
    made, now = wide_now()
    server, _ = contexts(made, made.issue(host, now=now), tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=serve_once, args=(listener, server))
        thread.start()
        command = ["curl", "-sS", "--cacert", tmp_path / "root.pem", "--connect-to", f"{host}:443:127.0.0.1:{port}"]
        done = subprocess.run([*command, f"https://{host}/"], capture_output=True, text=True, timeout=20, check=False)
        thread.join(20)
    assert done.returncode == code, done.stderr
    assert done.stdout == ("hello" if code == 0 else "")


def serve_once(listener, context):
    connection, _ = listener.accept()
    connection.settimeout(10)
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(4096)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    except OSError:
        connection.close()
