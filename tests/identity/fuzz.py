"""Fuzz entry points of the identity room: each takes any bytes and must return."""

import contextlib
import hashlib
import struct

from beam_actors.errors import InvalidValue, KeystoreDamaged, StorageError, StoreTooNew, WrongPassphrase
from beam_actors.identity import (
    Cost,
    Keyring,
    OwnerChain,
    PeerKey,
    Secret,
    check_phrase,
    needs_passphrase,
    seal,
    unseal,
)

SECRET = Secret.device_key(bytes(range(32)))
KEYRING = Keyring(PeerKey.from_seed(bytes(32)), OwnerChain(bytes(32)).era_key(1))
SEALED = seal(KEYRING, SECRET, bytes(range(40)))
_PERSON = b"beam-keys-sum\0\0\0"


def with_checksum(content: bytes) -> bytes:
    """What somebody writes who alters a keystore on purpose: the checksum needs no key."""
    return content + hashlib.blake2b(content, digest_size=32, person=_PERSON).digest()


def fuzz_keystore(data: bytes) -> None:
    """Any bytes; and any few bytes written over a real keystore with the checksum made to fit."""
    _open(data)
    if len(data) < 3:
        return
    at, patch = struct.unpack_from(">H", data)[0] % (len(SEALED) - 32), data[2:]
    content = bytearray(SEALED[:-32])
    content[at : at + len(patch)] = patch
    content[24 if len(content) > 24 else 0] = 0  # the operations' high byte stays low, so that Argon2 stays quick
    _open(with_checksum(bytes(content[: len(SEALED) + 300])), quick=True)


def _open(data: bytes, *, quick: bool = False) -> None:
    with contextlib.suppress(KeystoreDamaged, StoreTooNew):
        needs_passphrase(data)
        if quick and not _is_quick(data):
            return
        with contextlib.suppress(WrongPassphrase, StorageError):
            assert unseal(data, SECRET) == KEYRING


def _is_quick(data: bytes) -> bool:
    operations, memory = struct.unpack_from(">II", data, 13)
    return Cost(operations, memory).memory_kib <= 1024


def fuzz_phrase(data: bytes) -> None:
    """Any text."""
    with contextlib.suppress(InvalidValue):
        check_phrase(data.decode("utf-8", "surrogateescape"))
