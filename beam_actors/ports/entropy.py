"""The entropy port: the one source of keys, nonces, ids and jitter."""

from typing import Protocol


class Entropy(Protocol):
    """Random bytes fit for keys (the OS's generator; in the simulator a stream derived from the seed)."""

    def token(self, size: int) -> bytes:
        """`size` random bytes."""
        ...

    def uniform(self) -> float:
        """A float in [0, 1), for jitter and choices; not for secrets."""
        ...
