"""Noise transport messages as records on a byte stream: a length (two bytes, big-endian), ciphertext, tag.

Source: libp2p/specs noise. Records are opened in place: the plaintext takes the place of its ciphertext in the
caller's buffer, and only a record that arrives in pieces is copied. Memory held: one incomplete record at most.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire.noise import TAG_SIZE, CipherState

OVERHEAD: Final = 2 + TAG_SIZE
TAG_SPACE: Final = bytes(TAG_SIZE)


class RecordReader:
    """Cuts records out of chunks and opens them."""

    __slots__ = ("_cipher", "_filled", "_held", "_length_byte", "broken", "used")

    def __init__(self, cipher: CipherState) -> None:
        self._cipher = cipher
        self._length_byte = -1  # the first byte of a length whose second has not arrived
        self._held: memoryview | None = None  # a record's body with room for all of it
        self._filled = 0
        self.used = 0
        """Bytes of the data given to `open` that belong to what it yielded; the caller may go on from there later."""
        self.broken = False
        """Whether a record was not what the peer sealed: nothing that is said on this connection can be trusted."""

    def open(self, data: memoryview) -> Iterator[memoryview]:
        """Yield the plaintext of each record that `data` (writable) completes, as a view.

        Raises:
            RemoteProtocolError: a record is too short or does not decrypt; nothing may be read after it.
        """
        offset, end = 0, len(data)
        cipher = self._cipher
        while offset < end:
            held = self._held
            if held is not None:
                count = min(len(held) - self._filled, end - offset)
                held[self._filled : self._filled + count] = data[offset : offset + count]
                self._filled += count
                offset += count
                if self._filled < len(held):
                    return
                self._held = None
                body = held
            else:
                if self._length_byte >= 0:
                    size = self._length_byte << 8 | data[offset]
                    self._length_byte = -1
                    offset += 1
                elif end - offset == 1:
                    self._length_byte = data[offset]
                    return
                else:
                    size = data[offset] << 8 | data[offset + 1]
                    offset += 2
                if size < TAG_SIZE:
                    self.broken = True
                    raise RemoteProtocolError("A Noise message is shorter than its tag.")
                if size > end - offset:
                    self._held = memoryview(bytearray(size))
                    self._filled = 0
                    continue
                body = data[offset : offset + size]
                offset += size
            plaintext = body[:-TAG_SIZE]
            try:
                cipher.decrypt_into(body, plaintext)
            except RemoteProtocolError:
                self.broken = True
                raise
            self.used = offset
            yield plaintext


def seal_records(
    cipher: CipherState, plaintexts: Sequence[int], parts: Sequence[bytes | bytearray | memoryview]
) -> bytearray:
    """Join `parts` (for each record: its length, its frames, space for its tag) and seal each record in place.

    Args:
        cipher: the sending cipher.
        plaintexts: the number of plaintext bytes of each record.
        parts: all records' parts in order.
    """
    out = bytearray().join(parts)
    with memoryview(out) as view:
        offset = 0
        for size in plaintexts:
            start = offset + 2
            cipher.encrypt_into(view[start : start + size], view[start : start + size + TAG_SIZE])
            offset = start + size + TAG_SIZE
    return out
