"""The keys of a home: opened from its keystore, or made on the first start.

Invariant: the keystore is written last, so a start that is cut short leaves either a whole home or one that the next
start completes, with the same recovery phrase. Secrets leave this module only inside a `Keyring`.
"""

from beam_actors.errors import InvalidValue, KeystoreDamaged, NotAllowed, StorageError, WrongPassphrase
from beam_actors.identity import (
    DEVICE_KEY_SIZE,
    SEAL_ENTROPY,
    Keyring,
    OwnerChain,
    OwnerKey,
    PeerKey,
    Secret,
    needs_passphrase,
    new_phrase,
    seal,
    unseal,
)
from beam_actors.ports import Compute, Entropy, Files
from beam_actors.values import OwnerId

DATABASE = "beam.sqlite"
"""Whoever makes new keys must move it away (`home` says why)."""
KEYSTORE = "keystore"
DEVICE_KEY = "device-key"
PHRASE = "recovery-phrase.txt"


async def open_keys(files: Files, entropy: Entropy, compute: Compute, passphrase: str | None) -> Keyring:
    """The keyring of this home, made anew (with its recovery phrase in a file) if there is none.

    Raises:
        WrongPassphrase: the passphrase does not open the keystore, is missing, or is not what it needs.
        KeystoreDamaged, StorageError: as `unseal` and the files port say.
    """
    sealed = files.read(KEYSTORE)
    if sealed is None:
        return await _make_keys(files, entropy, compute, passphrase)
    try:
        return await _open(sealed, files, compute, passphrase)
    except KeystoreDamaged as error:
        raise KeystoreDamaged(
            f"{error} Restore {files.path(KEYSTORE)} and {files.path(DEVICE_KEY)} from a backup. Or move them and "
            f"{files.path(DATABASE)} away: the next start makes new keys, of the same owner if your recovery phrase is "
            f"in {files.path(PHRASE)}."
        ) from None


async def take_owner_key(
    files: Files, entropy: Entropy, compute: Compute, passphrase: str | None, key: OwnerKey
) -> Keyring:
    """Put this key in the place of the home's owner key; in a home without keys, make them around it.

    No daemon may run with this home. The keystore is replaced whole or not at all.

    Raises:
        NotAllowed: the home is another owner's, or its key is of a later era.
        BeamError: as `open_keys`.
    """
    sealed = files.read(KEYSTORE)
    if sealed is None:
        return await _make_keyring(files, entropy, compute, passphrase, key)
    before = await _open(sealed, files, compute, passphrase)
    check_owner(before, key.owner_id)
    if before.owner.era > key.era:
        raise NotAllowed(f"This home has the key of era {before.owner.era} already.")
    keyring = Keyring(before.peer, key)
    secret = _secret(sealed, files, passphrase)
    files.write(KEYSTORE, await compute.run(seal, keyring, secret, entropy.token(SEAL_ENTROPY)))
    return keyring


def check_owner(keyring: Keyring, owner: OwnerId) -> None:
    """Raise `NotAllowed` for the keyring of another owner."""
    if keyring.owner.owner_id != owner:
        raise NotAllowed(
            f"This home belongs to {keyring.owner.owner_id.short}, and the phrase to {owner.short}; choose another "
            "--home."
        )


async def _open(sealed: bytes, files: Files, compute: Compute, passphrase: str | None) -> Keyring:
    return await compute.run(unseal, sealed, _secret(sealed, files, passphrase))


def _secret(sealed: bytes, files: Files, passphrase: str | None) -> Secret:
    """What should open the keystore."""
    if needs_passphrase(sealed):
        if passphrase is None:
            raise WrongPassphrase("This home's keystore needs its passphrase: start with --passphrase-file FILE.")
        return Secret.passphrase(passphrase)
    if passphrase is not None:
        raise WrongPassphrase("This home's keystore has no passphrase; start without --passphrase-file.")
    key = files.read(DEVICE_KEY)
    if key is None or len(key) != DEVICE_KEY_SIZE:
        raise KeystoreDamaged(
            f"The device key {files.path(DEVICE_KEY)}, which opens the keystore, is missing or damaged."
        )
    return Secret.device_key(key)


async def _make_keys(files: Files, entropy: Entropy, compute: Compute, passphrase: str | None) -> Keyring:
    phrase = _phrase(files, entropy)
    try:
        chain = OwnerChain.from_phrase(phrase)
    except InvalidValue as error:
        raise StorageError(
            f"{files.path(PHRASE)} holds no recovery phrase ({error}): correct it, or move it away to make a new owner."
        ) from None
    return await _make_keyring(files, entropy, compute, passphrase, chain.era_key(0))


async def _make_keyring(
    files: Files, entropy: Entropy, compute: Compute, passphrase: str | None, owner: OwnerKey
) -> Keyring:
    keyring = Keyring(PeerKey.from_seed(entropy.token(32)), owner)
    if passphrase is not None:
        secret = Secret.passphrase(passphrase)
    else:
        key = entropy.token(DEVICE_KEY_SIZE)
        files.write(DEVICE_KEY, key)
        secret = Secret.device_key(key)
    files.write(KEYSTORE, await compute.run(seal, keyring, secret, entropy.token(SEAL_ENTROPY)))
    return keyring


def _phrase(files: Files, entropy: Entropy) -> str:
    """The phrase of a start that was cut short, else a new one, durable before any key is derived from it."""
    written = files.read(PHRASE, limit=4096)
    if written is not None:
        try:
            return written.decode().strip()
        except UnicodeDecodeError:
            raise StorageError(f"{files.path(PHRASE)} is not text; move it away to make new keys.") from None
    phrase = new_phrase(entropy.token(32))
    files.write(PHRASE, phrase.encode() + b"\n")
    return phrase
