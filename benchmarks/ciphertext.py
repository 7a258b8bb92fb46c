"""Whether a record of what passed between two daemons is ciphertext, and no more of it than there should be (pure).

A session starts with what anybody may read: the lines in which a protocol is agreed on, and the public keys of a Noise
handshake. Behind them stand Noise messages alone: a length of two bytes, and as many bytes that must be told from noise
by nobody. This reads that outer form by itself, from the specifications and not by the program's own code
(libp2p/specs: connections, noise; hashicorp/yamux: spec), and needs no key.
"""

import zlib
from collections import Counter
from math import sqrt

import attrs

LINES = {b"/multistream/1.0.0", b"/noise", b"/beam/noise-aes/1", b"/yamux/1.0.0", b"na"}
"""All that may be said in the clear."""
MAX_CLEAR = 128
"""Bytes of such lines in one direction."""
MAX_HANDSHAKE = 1024
"""Bytes of one direction's part of the handshake: keys, a signature, a list of muxers."""
TAG = 16
NOISE = 2 + TAG
"""Bytes that a Noise message adds: its length and its tag."""
YAMUX = 12
"""Bytes that a yamux frame adds."""
SMALL_SHARE = 1 << 14
"""Bytes of bulk that a Noise message carries at the least, on average; it may carry 65,507."""
WINDOW = 1 << 18
"""yamux's window. It is granted again by halves, so each half takes a window update at most, and a ping that probes."""
BACKGROUND = 1 << 14
"""Bytes of one direction besides: identify, names that are told, a request, pings."""
DEVIATIONS = 6.0
"""Standard deviations that chi-square may lie above its mean; noise lies above them about once in ten million."""
PIECE = 12
"""Bytes of the plaintext that are enough to know it again."""


class Malformed(Exception):
    """The record has not the outer form of a session."""


@attrs.frozen(slots=True)
class Session:
    """One direction of a session: its lines, its handshake messages, and the Noise messages behind them."""

    lines: tuple[bytes, ...]
    handshake: tuple[memoryview, ...]
    sealed: tuple[memoryview, ...] = attrs.field(repr=False)


def dissect(record: bytes | bytearray, handshakes: int) -> Session:
    """Read one direction; `handshakes` is how many of the three messages it sends: who dials sends two.

    A record ends somewhere: the beginning of a message that it cuts is left out.

    Raises:
        Malformed: there is not one whole message behind the handshake, or one has no room for its tag.
    """
    lines: list[bytes] = []
    offset = 0
    while offset < len(record):
        end = offset + 1 + record[offset]  # no line is long enough for a varint of two bytes
        line = bytes(record[offset + 1 : end])
        if line[-1:] != b"\n" or line[:-1] not in LINES:
            break
        lines.append(line)
        offset = end
    messages: list[memoryview] = []
    view = memoryview(bytes(record))
    while offset + 2 <= len(record):
        end = offset + 2 + int.from_bytes(record[offset : offset + 2], "big")
        if end > len(record):
            break
        messages.append(view[offset + 2 : end])
        offset = end
    sealed = messages[handshakes:]
    if not sealed:
        raise Malformed(f"{len(messages)} Noise messages are no session.")
    if min(map(len, sealed)) <= TAG:
        raise Malformed("A Noise message has no room for more than its tag.")
    return Session(tuple(lines), tuple(messages[:handshakes]), tuple(sealed))


def chi_square(data: bytes) -> float:
    """How many standard deviations the spread of byte values lies above what it is for noise (255 degrees)."""
    expected, counts = len(data) / 256, Counter(data)
    statistic = sum((counts[value] - expected) ** 2 / expected for value in range(256))
    return (statistic - 255) / sqrt(2 * 255)


def fragments(pattern: bytes) -> list[bytes]:
    """Pieces of a plaintext that repeats `pattern`: one for each bit of it at which a piece may begin."""
    repeated = pattern * (2 + (PIECE + 1) // len(pattern))
    windows = [int.from_bytes(repeated[start : start + PIECE + 1], "big") for start in range(len(pattern))]
    mask = (1 << 8 * PIECE) - 1
    return [(window >> shift & mask).to_bytes(PIECE, "big") for window in windows for shift in range(8)]


def most(payload: int, returned: int) -> int:
    """The most bytes that one direction may take to carry `payload` while `returned` bytes come the other way."""
    messages = payload // SMALL_SHARE + 1
    grants = 2 * returned // WINDOW + 1
    return payload + messages * (NOISE + YAMUX) + grants * (NOISE + 2 * YAMUX) + BACKGROUND


@attrs.frozen(slots=True, kw_only=True)
class Verdict:
    """What was found in one direction."""

    size: int
    """Bytes that passed."""
    payload: int
    """Bytes of plaintext that it was to carry."""
    bound: int
    """Bytes that may pass at the most."""
    carried: int
    """Bytes of plaintext that its Noise messages can hold."""
    clear: int
    """Bytes of lines in the clear."""
    handshake: int
    """Bytes of the handshake's messages."""
    messages: int
    """Noise messages behind the handshake."""
    deviations: float
    """By how much the spread of its byte values is worse than noise's, in standard deviations of chi-square."""
    packed: float
    """Its size after zlib, as a part of its size before."""
    leaked: tuple[bytes, ...]
    """What could be read."""

    @property
    def faults(self) -> list[str]:
        """What is wrong, a sentence each; nothing if all is well."""
        found = []
        if self.clear > MAX_CLEAR:
            found.append(f"{self.clear} bytes are said in the clear (at most {MAX_CLEAR})")
        if self.handshake > MAX_HANDSHAKE:
            found.append(f"the handshake takes {self.handshake} bytes (at most {MAX_HANDSHAKE})")
        if self.leaked:
            found.append(f"{len(self.leaked)} pieces of what was said can be read, such as {self.leaked[0]!r}")
        if self.deviations > DEVIATIONS:
            found.append(
                f"its bytes are not spread as noise is: chi-square is {self.deviations:.1f} deviations too high"
            )
        if self.packed < 1:
            found.append(f"it can be compressed, to {self.packed:.4f} of its size")
        if self.carried < self.payload:
            found.append(f"{self.payload - self.carried:,} bytes of the payload went another way")
        if self.size > self.bound:
            found.append(f"{self.size:,} bytes passed for a payload of {self.payload:,} (at most {self.bound:,})")
        return found


def examine(
    record: bytes | bytearray, *, handshakes: int, pieces: list[bytes], words: list[bytes], payload: int, returned: int
) -> Verdict:
    """Judge one direction.

    Args:
        record: all bytes that passed, in order.
        handshakes: as in `dissect`.
        pieces: what must not occur to the letter, `fragments` of the plaintext.
        words: what must not occur in whatever case, such as the name.
        payload: bytes of plaintext that went this way.
        returned: bytes of plaintext that came the other way.
    """
    session = dissect(record, handshakes)
    sealed = b"".join(session.sealed)
    lowered = bytes(record).lower()
    leaked = [*(piece for piece in pieces if piece in record), *(word for word in words if word.lower() in lowered)]
    return Verdict(
        size=len(record),
        payload=payload,
        bound=most(payload, returned),
        carried=len(sealed) - TAG * len(session.sealed),
        clear=sum(1 + len(line) for line in session.lines),
        handshake=sum(map(len, session.handshake)),
        messages=len(session.sealed),
        deviations=chi_square(sealed),
        packed=len(zlib.compress(sealed)) / len(sealed),
        leaked=tuple(leaked),
    )
