"""Keys: of a machine, of a person (an owner's chain of nine), and the encrypted file that keeps them.

Pure: entropy is an argument, and nothing here touches a file, a clock or a loop. Formats: docs/identity.md.
"""

from beam_actors.identity.keys import PeerKey, verify
from beam_actors.identity.keystore import (
    DEVICE_KEY_SIZE,
    SEAL_ENTROPY,
    Cost,
    Keyring,
    Secret,
    needs_passphrase,
    seal,
    unseal,
)
from beam_actors.identity.owner import ERAS, REVOCATION_ERA, KeySet, OwnerChain, OwnerKey
from beam_actors.identity.phrase import check_phrase, new_phrase

__all__ = [
    "DEVICE_KEY_SIZE",
    "ERAS",
    "REVOCATION_ERA",
    "SEAL_ENTROPY",
    "Cost",
    "KeySet",
    "Keyring",
    "OwnerChain",
    "OwnerKey",
    "PeerKey",
    "Secret",
    "check_phrase",
    "needs_passphrase",
    "new_phrase",
    "seal",
    "unseal",
    "verify",
]
