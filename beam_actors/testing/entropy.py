"""The entropy port as a stream derived from a seed: equal seeds and labels give equal bytes, on every machine.

Invariant: streams of different labels are independent, so that one more draw in one place changes no other place.
"""

import hashlib


class SeededEntropy:
    """BLAKE2b in counter mode under the seed, separated by the label. Not for keys that protect anything."""

    def __init__(self, seed: int | bytes, label: str = "") -> None:
        raw = seed if isinstance(seed, bytes) else seed.to_bytes(16, "big", signed=True)
        self._label = label
        self._key = hashlib.blake2b(
            label.encode(), key=hashlib.blake2b(raw).digest(), person=b"beam-sim-stream"
        ).digest()
        self._counter = 0
        self._rest = b""

    def token(self, size: int) -> bytes:
        """See `ports.Entropy`."""
        parts = [self._rest]
        have = len(self._rest)
        while have < size:
            block = hashlib.blake2b(self._counter.to_bytes(8, "big"), key=self._key, person=b"beam-sim-block").digest()
            self._counter += 1
            parts.append(block)
            have += len(block)
        data = b"".join(parts)
        self._rest = data[size:]
        return data[:size]

    def uniform(self) -> float:
        """See `ports.Entropy`."""
        return (int.from_bytes(self.token(7), "big") >> 3) / (1 << 53)

    @property
    def drawn(self) -> int:
        """Blocks of 64 bytes that were drawn."""
        return self._counter

    def fork(self, label: str) -> "SeededEntropy":
        """An independent stream, which does not depend on what was drawn from this one."""
        return SeededEntropy(self._key, label)

    def __repr__(self) -> str:
        return f"SeededEntropy({self._label!r}, {self._counter} blocks)"
