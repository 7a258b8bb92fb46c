r"""The keystore's format: a keyring encrypted under a passphrase, or under a device key that lies beside the file.

    magic "beam-keys\0" ‖ version u16 ‖ lock u8 ‖ operations u32 ‖ memory u32 (KiB) ‖ salt 16 ‖ nonce 24    the header
    check 32       BLAKE2b-256 of the header under the check key: does this secret open this file?
    ciphertext     XChaCha20-Poly1305 of the keyring under the seal key; header and check are its associated data
    checksum 32    BLAKE2b-256 of everything before: was the file damaged?

Argon2id of the secret yields 64 bytes, the seal key and the check key. Integers are big-endian.

Invariant: the order of checks makes each answer true. Damage shows in the checksum before any secret is tried; the
caps on Argon2's cost are applied before it runs; a secret that fails the check is the wrong one; and what passes it
and still fails to decrypt was altered. Everything here is pure, and `seal` and `unseal` take as long as Argon2 does:
run them by the compute port. This module knows no file, no prompt and no source of entropy.
"""

import hashlib
import hmac
import struct
import unicodedata
from collections.abc import Callable

import attrs
from nacl import bindings
from nacl.exceptions import CryptoError

from beam_actors.errors import InvalidValue, KeystoreDamaged, StorageError, StoreTooNew, WrongPassphrase
from beam_actors.identity.keys import PeerKey
from beam_actors.identity.owner import ERAS, KeySet, OwnerKey

VERSION = 1
SEAL_ENTROPY = 40  # salt and nonce
DEVICE_KEY_SIZE = 32
MAX_PASSPHRASE = 1024
MAX_OPERATIONS = 10
MAX_MEMORY_KIB = 1 << 20

_MAGIC = b"beam-keys\0"
_HEADER = struct.Struct(">10sHBII16s24s")
_HASH = 32
_TAG = 16
_MIN_BODY = 32 + 32 + 1 + 32 + 32
_MAX_BODY = _MIN_BODY + (ERAS - 1) * 32
_CHECK = b"beam-keys-check\0"
_SUM = b"beam-keys-sum\0\0\0"
_BY_PASSPHRASE = 1
_BY_DEVICE_KEY = 2


@attrs.frozen(slots=True)
class Cost:
    """What Argon2id is asked for: passes over the memory (1 to 10) and memory in KiB (8 to 1,048,576 = 1 GiB)."""

    operations: int = attrs.field()
    memory_kib: int = attrs.field()

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.operations <= MAX_OPERATIONS or not 8 <= self.memory_kib <= MAX_MEMORY_KIB:
            raise InvalidValue(
                f"The keystore's cost is beyond the caps: {self.operations} passes, {self.memory_kib} KiB."
            )


PASSPHRASE_COST = Cost(operations=3, memory_kib=128 * 1024)
DEVICE_COST = Cost(operations=1, memory_kib=8)  # a random key has nothing to stretch


@attrs.frozen(slots=True, repr=False)
class Secret:
    """What opens a keystore. Made by `passphrase` or `device_key`; its repr shows which, never the value."""

    lock: int
    value: bytes

    @classmethod
    def passphrase(cls, text: str) -> "Secret":
        """A passphrase of 1 to 1,024 bytes in UTF-8, taken in Unicode's form NFC (RFC 8265 §4.2); or `InvalidValue`."""
        try:
            value = unicodedata.normalize("NFC", text).encode()
        except UnicodeEncodeError:
            raise InvalidValue("The passphrase holds characters that cannot be written in UTF-8.") from None
        if not 0 < len(value) <= MAX_PASSPHRASE:
            raise InvalidValue(f"A passphrase has 1 to {MAX_PASSPHRASE} bytes.")
        return cls(_BY_PASSPHRASE, value)

    @classmethod
    def device_key(cls, key: bytes) -> "Secret":
        """A random key of 32 bytes, kept 0600 beside the keystore so that the daemon starts unattended."""
        if len(key) != DEVICE_KEY_SIZE:
            raise InvalidValue("A device key has 32 bytes.")
        return cls(_BY_DEVICE_KEY, bytes(key))

    @property
    def is_passphrase(self) -> bool:
        """Whether a person has to type it."""
        return self.lock == _BY_PASSPHRASE

    def __repr__(self) -> str:
        return f"Secret({'passphrase' if self.is_passphrase else 'device key'})"


def argon2id(secret: bytes, salt: bytes, cost: Cost) -> bytes:
    """64 bytes by Argon2id (RFC 9106, one lane); `MemoryError` or `CryptoError` when it doesn't get its memory."""
    return bytes(
        bindings.crypto_pwhash_alg(
            64, secret, salt, cost.operations, cost.memory_kib * 1024, bindings.crypto_pwhash_ALG_ARGON2ID13
        )
    )


Stretch = Callable[[bytes, bytes, Cost], bytes]
"""Secret, salt and cost to 64 bytes."""


@attrs.frozen(slots=True)
class Keyring:
    """The secrets of one home: the machine's key and the present era's key of its owner."""

    peer: PeerKey
    owner: OwnerKey


def seal(keyring: Keyring, secret: Secret, entropy: bytes, *, cost: Cost | None = None) -> bytes:
    """Encrypt the keyring: the keystore's bytes.

    `entropy` is 40 random bytes, used once. `cost` defaults to 3 passes over 128 MiB for a passphrase (about half a
    second), and to the least there is for a device key.
    """
    if len(entropy) != SEAL_ENTROPY:
        raise InvalidValue(f"Sealing a keystore takes {SEAL_ENTROPY} random bytes.")
    if cost is None:
        cost = PASSPHRASE_COST if secret.is_passphrase else DEVICE_COST
    salt, nonce = bytes(entropy[:16]), bytes(entropy[16:])
    header = _HEADER.pack(_MAGIC, VERSION, secret.lock, cost.operations, cost.memory_kib, salt, nonce)
    seal_key, check_key = _derive(secret, salt, cost, argon2id)
    bound = header + _check(check_key, header)
    body = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(_encode(keyring), bound, nonce, seal_key)
    return bound + body + _checksum(bound + body)


def unseal(data: bytes, secret: Secret, *, stretch: Stretch = argon2id) -> Keyring:
    """Decrypt a keystore. `stretch` makes 64 bytes out of the secret, as it did when the keystore was sealed.

    Raises:
        KeystoreDamaged: it is no keystore, is damaged or altered, or asks Argon2 for more than the caps.
        StoreTooNew: a newer version of the program wrote it.
        WrongPassphrase: it is intact and this secret does not open it, or it needs the other kind of secret.
        StorageError: this machine has not the memory that Argon2 needs.
    """
    lock, cost, salt, nonce = _read_header(data)
    if lock != secret.lock:
        need = "the passphrase" if lock == _BY_PASSPHRASE else "its device key"
        raise WrongPassphrase(f"This keystore is opened by {need}.")
    bound, body = data[: _HEADER.size + _HASH], data[_HEADER.size + _HASH : -_HASH]
    seal_key, check_key = _derive(secret, salt, cost, stretch)
    if not hmac.compare_digest(_check(check_key, data[: _HEADER.size]), bound[_HEADER.size :]):
        what = "passphrase" if secret.is_passphrase else "device key"
        raise WrongPassphrase(f"The {what} does not open this keystore.")
    try:
        return _decode(bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(body, bound, nonce, seal_key))
    except (CryptoError, InvalidValue):
        raise KeystoreDamaged("The keystore was altered.") from None


def needs_passphrase(data: bytes) -> bool:
    """Whether a person must type a passphrase to open it; raises as `unseal` does for what is no intact keystore."""
    return _read_header(data)[0] == _BY_PASSPHRASE


def _read_header(data: bytes) -> tuple[int, Cost, bytes, bytes]:
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        raise KeystoreDamaged("The keystore is not one, or is cut short.")
    _, version, lock, operations, memory_kib, salt, nonce = _HEADER.unpack_from(data)
    if version > VERSION:  # before the checksum: a later format may place it elsewhere
        raise StoreTooNew(
            f"A newer version of the program wrote this keystore (format {version}, not {VERSION}): use that version."
        )
    overhead = _HEADER.size + _HASH + _TAG + _HASH
    if not overhead + _MIN_BODY <= len(data) <= overhead + _MAX_BODY:
        raise KeystoreDamaged("The keystore is cut short or has bytes that do not belong to it.")
    if not hmac.compare_digest(_checksum(data[:-_HASH]), data[-_HASH:]):
        raise KeystoreDamaged("The keystore is damaged.")
    if version < 1 or lock not in {_BY_PASSPHRASE, _BY_DEVICE_KEY}:
        raise KeystoreDamaged("The keystore's header makes no sense.")
    try:
        cost = Cost(operations, memory_kib)
    except InvalidValue as error:
        raise KeystoreDamaged(f"{error} It is refused.") from None
    return lock, cost, salt, nonce


def _derive(secret: Secret, salt: bytes, cost: Cost, stretch: Stretch) -> tuple[bytes, bytes]:
    """The seal key and the check key."""
    try:
        keys = stretch(secret.value, salt, cost)
    except (CryptoError, MemoryError):
        raise StorageError(
            f"There is not enough memory to open the keystore: it takes {cost.memory_kib} KiB."
        ) from None
    return keys[:32], keys[32:]


def _check(check_key: bytes, header: bytes) -> bytes:
    return hashlib.blake2b(header, digest_size=_HASH, key=check_key, person=_CHECK).digest()


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_HASH, person=_SUM).digest()


def _encode(keyring: Keyring) -> bytes:
    """Peer seed 32 ‖ owner seed 32 ‖ number of revealed keys u8 ‖ the keys ‖ hash of the rest 32."""
    keyset = keyring.owner.keyset
    parts = (keyring.peer.seed, keyring.owner.seed, bytes([len(keyset.revealed)]), *keyset.revealed, keyset.rest)
    return b"".join(parts)


def _decode(body: bytes) -> Keyring:
    """Read `_encode`'s layout; raise `InvalidValue`."""
    count = body[64]
    if len(body) != 65 + 32 * count + 32:
        raise InvalidValue("A keyring's length does not fit the number of its keys.")
    keys = tuple(body[65 + 32 * place : 97 + 32 * place] for place in range(count))
    owner = OwnerKey(KeySet(keys, body[-32:]), body[32:64])
    return Keyring(PeerKey.from_seed(body[:32]), owner)
