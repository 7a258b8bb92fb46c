"""multistream-select 1.0: how two ends agree on the protocol of a connection or a stream.

Source: libp2p/specs connections, multiformats/multistream-select. A message is its length (a varint that counts the
newline), UTF-8 text, a newline. Rules:

- Both ends send the header `/multistream/1.0.0` without waiting; a proposer with one choice may send the header, its
  proposal and payload at once ("lazy"), so a listener must never read beyond the proposal that it accepts.
- A listener echoes a proposal to accept it and answers `na` to decline; after `MAX_PROPOSALS` it gives up.
- A proposer with several choices proposes the next one when it reads `na`.

Both ends are fed bytes and return how many they used; what they don't use belongs to the agreed protocol.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from beam_actors.errors import InvalidValue, LocalProtocolError, RemoteProtocolError
from beam_actors.values import decode_uvarint, encode_uvarint

HEADER = "/multistream/1.0.0"
NOT_AVAILABLE = "na"
MAX_MESSAGE = 1024
"""Bytes of one message with its newline. Implementations accept 1 KiB (go-multistream) or more; names are short."""
MAX_PROPOSALS = 16

Buffer = bytes | bytearray | memoryview
_ONE_BYTE = 0x7F
_NEWLINE = 0x0A


@lru_cache(maxsize=256)  # few protocols are ever spoken, each with every stream
def encode_message(text: str) -> bytes:
    """One message; raise `LocalProtocolError` for text that no peer could read back."""
    data = text.encode() + b"\n"
    if len(data) > MAX_MESSAGE or "\n" in text or not text:
        raise LocalProtocolError(f"{text[:80]!r} cannot be a protocol's name.")
    return encode_uvarint(len(data)) + data


_HEADER_MESSAGE = encode_message(HEADER)


class _Reader:
    """Cuts messages out of chunks. Holds at most one incomplete message."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    @property
    def held(self) -> bool:
        """Whether it holds a part of a message."""
        return bool(self._held)

    def read(self, data: memoryview, used: int) -> tuple[str | None, int]:
        """Read one message at `used`: (its text or None when more bytes are needed, bytes of `data` used so far)."""
        held = self._held
        head = held + bytes(data[used : used + MAX_MESSAGE + 2 - len(held)])
        try:
            prefix = decode_uvarint(head[:3])
        except InvalidValue as error:
            raise RemoteProtocolError("A multistream message has a malformed length.") from error
        if prefix is None:
            if len(head) >= 3:
                raise RemoteProtocolError("A multistream message is too long.")
        else:
            size, start = prefix
            if not 0 < size <= MAX_MESSAGE:
                raise RemoteProtocolError(f"A multistream message has {size} bytes; 1 to {MAX_MESSAGE} are allowed.")
            end = start + size
            if len(head) >= end:
                self._held = b""
                return _text(head[start:end]), used + end - len(held)
        self._held = head
        return None, len(data)


def _text(line: bytes) -> str:
    if line[-1:] != b"\n":
        raise RemoteProtocolError("A multistream message does not end in a newline.")
    try:
        return line[:-1].decode()
    except UnicodeDecodeError as error:
        raise RemoteProtocolError("A multistream message is not UTF-8.") from error


class Proposer:
    """The end that wants a protocol. Send `opening` first, then feed it what comes back.

    `chosen` is the agreed protocol, `declined` says that the listener took none of the choices.
    """

    __slots__ = ("_choices", "_header_seen", "_reader", "chosen", "declined")

    def __init__(self, choices: Sequence[str]) -> None:
        self._choices = tuple(choices)
        self._reader = _Reader()
        self._header_seen = False
        self.chosen: str | None = None
        self.declined = False

    @property
    def opening(self) -> bytes:
        """The header and the first proposal."""
        return encode_message(HEADER) + encode_message(self._choices[0])

    def receive(self, data: Buffer) -> tuple[int, bytes]:
        """Feed bytes: (how many were used, bytes to send). Stops at the agreement, and uses nothing after it."""
        view = memoryview(data)
        if not self._header_seen and not self._reader.held:
            usual = self.opening
            if view[: len(usual)] == usual:
                self._header_seen, self.chosen = True, self._choices[0]
                return len(usual), b""
        used = 0
        replies = b""
        while self.chosen is None and not self.declined:
            text, used = self._reader.read(view, used)
            if text is None:
                break
            replies += self._answer(text)
        return used, replies

    def _answer(self, text: str) -> bytes:
        if not self._header_seen:
            if text != HEADER:
                raise RemoteProtocolError("The peer does not speak multistream-select 1.0.")
            self._header_seen = True
            return b""
        if text == self._choices[0]:
            self.chosen = text
            return b""
        if text != NOT_AVAILABLE:
            raise RemoteProtocolError("The peer agreed to a protocol that was not proposed.")
        self._choices = self._choices[1:]
        if not self._choices:
            self.declined = True
            return b""
        return encode_message(self._choices[0])


class Listener:
    """The end that is asked. `supports(name)` decides; `chosen` is the agreed protocol.

    Raises:
        RemoteProtocolError: from `receive`, also when the peer runs out of proposals that it may make.
    """

    __slots__ = ("_header_seen", "_proposals", "_reader", "_supports", "chosen")

    def __init__(self, supports: Callable[[str], bool]) -> None:
        self._supports = supports
        self._reader = _Reader()
        self._header_seen = False
        self._proposals = 0
        self.chosen: str | None = None

    def receive(self, data: Buffer) -> tuple[int, bytes]:
        """Feed bytes: (how many were used, bytes to send). Stops at the agreement, and uses nothing after it."""
        view = memoryview(data)
        if not self._header_seen and (usual := self._usual(view)):
            return usual, bytes(view[:usual])
        used = 0
        replies = b""
        while self.chosen is None:
            text, used = self._reader.read(view, used)
            if text is None:
                break
            replies += self._answer(text)
        return used, replies

    def _usual(self, view: memoryview) -> int:
        """Agree to header and supported proposal in one piece, which is its own answer: its size, or 0."""
        start = len(_HEADER_MESSAGE) + 1
        if self._reader.held or len(view) < start or view[: start - 1] != _HEADER_MESSAGE:
            return 0
        end = start + view[start - 1]
        if not start < end <= len(view) or view[start - 1] > _ONE_BYTE or view[end - 1] != _NEWLINE:
            return 0
        try:
            text = str(view[start : end - 1], "utf-8")
        except UnicodeDecodeError:
            return 0
        if not text or not self._supports(text):
            return 0
        self._header_seen, self._proposals, self.chosen = True, 1, text
        return end

    def _answer(self, text: str) -> bytes:
        if not self._header_seen:
            if text != HEADER:
                raise RemoteProtocolError("The peer does not speak multistream-select 1.0.")
            self._header_seen = True
            return encode_message(HEADER)
        self._proposals += 1
        if self._proposals > MAX_PROPOSALS:
            raise RemoteProtocolError(f"The peer made more than {MAX_PROPOSALS} proposals.")
        if text and self._supports(text):
            self.chosen = text
            return encode_message(text)
        return encode_message(NOT_AVAILABLE)
