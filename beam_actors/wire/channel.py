"""The encrypted channel of a session, both ways: sealed records of many streams' frames out, plaintext in, in turns.

Rules:
- What is queued is sealed once, in records as large as Noise allows; frames of many streams share a record.
- Plaintext is handed to its reader in order. What the reader leaves, since the work of a turn is done, waits here with
  the ciphertext behind it, and nothing is opened before it was read; each record is work, however small.
- A record that was not what the peer sealed breaks the channel: nothing that is said on it can be trusted.

Memory held: one incomplete record, and what one call of `receive` brought. It knows neither frames nor who is at the
other end.
"""

from collections.abc import Callable
from typing import Final

from beam_actors.wire.allowance import Allowance
from beam_actors.wire.noise import MAX_PLAINTEXT, TAG_SIZE, CipherState
from beam_actors.wire.outbox import Outbox
from beam_actors.wire.records import OVERHEAD, TAG_SPACE, RecordReader, seal_records
from beam_actors.wire.stream import Buffer
from beam_actors.wire.yamux import HEADER_SIZE

MIN_FLUSH: Final = OVERHEAD + HEADER_SIZE + 1
"""The smallest limit that `seal` takes: one record with one byte of one stream."""

Reader = Callable[[memoryview], int]
"""Takes plaintext, which is borrowed, and says how much of it was read before the work of this turn was done; or raises
`RemoteProtocolError`."""


class Channel:
    """One end of the channel.

    Args:
        sending, receiving: the ciphers of the handshake.
        allowance: the work that is left in the turn.
        reader: who takes the plaintext; may be another one later.
    """

    __slots__ = (
        "_allowance", "_plaintext", "_records", "_sealed", "_sending", "backlog", "reader", "records_sent", "speaks",
    )  # fmt: skip

    def __init__(self, sending: CipherState, receiving: CipherState, allowance: Allowance, reader: Reader) -> None:
        self._sending = sending
        self._records = RecordReader(receiving)
        self._allowance = allowance
        self._plaintext = b""  # it waits for a later turn, and `_sealed` behind it
        self._sealed: Buffer = b""
        self.reader = reader
        self.backlog = 0
        """Bytes that were fed and wait for `resume`."""
        self.records_sent = 0
        self.speaks = True
        """Whether what is queued may still be said."""

    def __repr__(self) -> str:
        return f"<Channel {'broken' if self.broken else 'whole'} backlog={self.backlog} sent={self.records_sent}>"

    @property
    def broken(self) -> bool:
        """Whether a record did not decrypt."""
        return self._records.broken

    def receive(self, data: memoryview) -> None:
        """Open what the network delivered (writable; in place) and have it read.

        Raises:
            RemoteProtocolError: a record is not what the peer sealed, or the reader can't go on.
        """
        records = self._records
        for plaintext in records.open(data):
            used = self.reader(plaintext)
            if used < len(plaintext):
                self._leave(bytes(plaintext[used:]), bytearray(data[records.used :]))
                return
            if not self._allowance.spend():
                self._leave(b"", bytearray(data[records.used :]))
                return

    def resume(self) -> None:
        """Go on with the backlog; raises as `receive`."""
        plaintext, sealed = self._plaintext, self._sealed
        self.drop()
        if plaintext:
            used = self.reader(memoryview(plaintext))
            if used < len(plaintext):
                self._leave(plaintext[used:], sealed)
                return
        self.receive(memoryview(sealed))

    def drop(self) -> None:
        """Forget what waits to be read."""
        self._leave(b"", b"")

    def _leave(self, plaintext: bytes, sealed: Buffer) -> None:
        self._plaintext, self._sealed = plaintext, sealed
        self.backlog = len(plaintext) + len(sealed)

    def seal(self, outbox: Outbox, limit: int) -> bytes | bytearray:
        """Seal what is queued, at most `limit` bytes with their overhead; b"" when nothing is or nothing may be said.

        Raises:
            LocalProtocolError: the nonces are used up.
        """
        parts: list[Buffer] = []
        sizes: list[int] = []
        left = limit
        while self.speaks and outbox and left >= MIN_FLUSH:
            at = len(parts)
            parts.append(b"")
            size = outbox.fill(parts, min(left - OVERHEAD, MAX_PLAINTEXT))
            if not size:
                del parts[at]
                break
            parts[at] = (size + TAG_SIZE).to_bytes(2, "big")
            parts.append(TAG_SPACE)
            sizes.append(size)
            left -= size + OVERHEAD
        self.records_sent += len(sizes)
        return seal_records(self._sending, sizes, parts) if sizes else b""
