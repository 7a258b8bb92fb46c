"""The entropy port on the operating system's generator."""

import os


class OsEntropy:
    """Fresh random bytes with each call; nothing is kept, so a fork cannot repeat any."""

    def token(self, size: int) -> bytes:
        """See `ports.Entropy`."""
        return os.urandom(size)

    def uniform(self) -> float:
        """See `ports.Entropy`. As fine as a float below 1 can be: 53 bits."""
        return (int.from_bytes(os.urandom(7), "big") >> 3) / (1 << 53)
