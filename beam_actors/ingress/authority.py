"""The local certificate authority: trusted by this machine's programs, and able to vouch for our suffixes only.

Invariants: the root's private key is never stored: it signs one intermediate and is dropped, so that nothing on disk
can make another authority. Root and intermediate carry critical name constraints: permitted are the suffixes and
`localhost`, excluded are all IP addresses. (The exclusion is needed: a form of name that is not listed is not
constrained, and curl, Node and Chromium then accept an IP certificate.) Keys come from the entropy port.

Sources: RFC 5280 sections 4.2.1.10 (name constraints), 4.1.2.6 (an empty subject makes the SAN critical).
"""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from beam_actors.errors import StoreDamaged
from beam_actors.ports import CertifiedKey, Entropy, Files

ROOT_FILE = "ca-root.pem"
"""The root certificate, for trust stores and `curl --cacert`."""
ISSUER_FILE = "ca-issuer.pem"
"""The intermediate's private key, its certificate and the root's."""
AUTHORITY_LIFETIME = timedelta(days=3650)
RENEW_AUTHORITY_BEFORE = timedelta(days=30)
LEAF_LIFETIME = timedelta(days=7)
_CLOCK_SLACK = timedelta(hours=1)
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_EXCLUDED = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@attrs.frozen(slots=True, repr=False)
class LocalAuthority:
    """An intermediate that signs leaves, and the root above it."""

    root: x509.Certificate
    intermediate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey
    _entropy: Entropy

    def __repr__(self) -> str:
        return f"<LocalAuthority {_fingerprint(self.root)} until {self.root.not_valid_after_utc:%Y-%m-%d}>"

    @classmethod
    def open(cls, files: Files, entropy: Entropy, *, now: float, suffixes: Sequence[str]) -> "LocalAuthority":
        """The authority of this home; made anew if there is none, if it nears its end, or if the suffixes changed.

        A new one must be trusted anew by people, so a damaged file is not replaced silently.

        Raises:
            StoreDamaged: what is stored is no authority of ours.
            StorageError: the files cannot be read or written.
        """
        stored = files.read(ISSUER_FILE)
        authority = None if stored is None else cls._load(stored, entropy, files.path(ISSUER_FILE))
        if authority is None or not authority.serves(suffixes, now):
            authority = cls.create(entropy, now=now, suffixes=suffixes)
            files.write(ISSUER_FILE, authority.issuer_pem)
        if files.read(ROOT_FILE) != authority.root_pem:
            files.write(ROOT_FILE, authority.root_pem)
        return authority

    @classmethod
    def create(cls, entropy: Entropy, *, now: float, suffixes: Sequence[str]) -> "LocalAuthority":
        """A new root and intermediate; the root's key is gone when this returns."""
        start = datetime.fromtimestamp(now, UTC).replace(microsecond=0)
        root_key, key = _new_key(entropy), _new_key(entropy)
        tag = _key_tag(root_key.public_key())
        root_name, name = _subject(f"Beam local CA {tag}"), _subject(f"Beam local CA {tag}, issuer")
        root = _authority_certificate(
            (root_name, root_key.public_key()), (root_name, root_key), start, suffixes, entropy, path_length=1
        )
        intermediate = _authority_certificate(
            (name, key.public_key()), (root_name, root_key), start, suffixes, entropy, path_length=0
        )
        return cls(root, intermediate, key, entropy)

    @classmethod
    def _load(cls, stored: bytes, entropy: Entropy, path: str) -> "LocalAuthority":
        try:
            key = serialization.load_pem_private_key(stored, password=None)
            intermediate, root = x509.load_pem_x509_certificates(stored)
            intermediate.verify_directly_issued_by(root)
            root.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise _damaged(path) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != intermediate.public_key():
            raise _damaged(path)
        return cls(root, intermediate, key, entropy)

    def serves(self, suffixes: Sequence[str], now: float) -> bool:
        """Whether its constraints are exactly those that the suffixes ask for, and its end is not near."""
        wanted = _constraints(suffixes)
        for certificate in (self.root, self.intermediate):
            try:
                if certificate.extensions.get_extension_for_class(x509.NameConstraints).value != wanted:
                    return False
            except (x509.ExtensionNotFound, ValueError):
                return False
        return datetime.fromtimestamp(now, UTC) + RENEW_AUTHORITY_BEFORE < self.intermediate.not_valid_after_utc

    @property
    def root_pem(self) -> bytes:
        """The root certificate in PEM."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    @property
    def issuer_pem(self) -> bytes:
        """What must be kept to issue again: the intermediate's private key and both certificates. Secret."""
        return _private_pem(self._key) + self.intermediate.public_bytes(serialization.Encoding.PEM) + self.root_pem

    def issue(self, host: str, *, now: float) -> CertifiedKey:
        """A leaf for one host name (lower-case ASCII) with a key of its own, good for 7 days; some 0.3 ms."""
        start = datetime.fromtimestamp(now, UTC).replace(microsecond=0)
        key = _new_key(self._entropy)
        issuer_key = self.intermediate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.intermediate.subject)
            .public_key(key.public_key())
            .serial_number(_serial(self._entropy))
            .not_valid_before(start - _CLOCK_SLACK)
            .not_valid_after(min(start + LEAF_LIFETIME, self.intermediate.not_valid_after_utc))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key),
                critical=False,
            )
        )
        certificate = _signed(builder, self._key)
        chain = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (certificate, self.intermediate))
        return CertifiedKey(chain, _private_pem(key))


def _authority_certificate(
    subject: tuple[x509.Name, ec.EllipticCurvePublicKey],
    issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey],
    start: datetime,
    suffixes: Sequence[str],
    entropy: Entropy,
    *,
    path_length: int,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject[0])
        .issuer_name(issuer[0])
        .public_key(subject[1])
        .serial_number(_serial(entropy))
        .not_valid_before(start - _CLOCK_SLACK)
        .not_valid_after(start + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(_constraints(suffixes), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject[1]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key()), critical=False)
    )
    return _signed(builder, issuer[1])


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Signed as RFC 6979 says, so that no nonce is drawn beside the entropy port, if this OpenSSL can do that (3.2)."""
    try:
        return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    except UnsupportedAlgorithm:
        return builder.sign(key, hashes.SHA256())


def _constraints(suffixes: Sequence[str]) -> x509.NameConstraints:
    permitted = [x509.DNSName(suffix) for suffix in sorted({*suffixes, "localhost"})]
    return x509.NameConstraints(permitted, [x509.IPAddress(network) for network in _EXCLUDED])


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _new_key(entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    # 128 bits more than the order, so that the remainder's bias is negligible (FIPS 186-5 appendix A.2.1).
    scalar = int.from_bytes(entropy.token(48), "big") % (_P256_ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP256R1())


def _serial(entropy: Entropy) -> int:
    return int.from_bytes(entropy.token(19), "big") | 1  # positive, at most 20 bytes (RFC 5280 section 4.1.2.2)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _key_tag(key: ec.EllipticCurvePublicKey) -> str:
    return x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()[:8]


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()[:16]


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _damaged(path: str) -> StoreDamaged:
    return StoreDamaged(f"{path} is damaged; remove it and a new local CA is made, which must be trusted anew.")
