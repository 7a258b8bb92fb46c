"""The space in which nodes and keys stand: 256 bits, and how far two of them are apart (pure).

Invariant: a node's place follows from its peer id, and so from the key that a session proves: nobody chooses another's
place, and to choose one's own takes a new key for each try. What else stands in this space (names, owners) is known
to the rooms that have such keys.
"""

import hashlib

from beam_actors.values import PeerId

BITS = 256
BYTES = BITS // 8
_PERSON = b"beam-node-id-1"


def node_id(peer: PeerId) -> bytes:
    """Where the peer stands: BLAKE2b-256 of its multihash. Its signed record is kept under the same key."""
    return hashlib.blake2b(peer.multihash, digest_size=BYTES, person=_PERSON).digest()


def distance(one: bytes, other: bytes) -> int:
    """How far apart two ids of 32 bytes are, by XOR: 0 for equal ones, below 2**256."""
    return int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
