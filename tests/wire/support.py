"""Two sessions joined by a line, and a hand-made peer that can say anything: the stage of the conversation tests."""

from collections.abc import Sequence

from beam_actors.identity import PeerKey
from beam_actors.wire import (
    AES,
    CHACHA,
    SUITES,
    Event,
    FrameReader,
    IdentifyInfo,
    Role,
    Security,
    Session,
    SessionLimits,
    StreamData,
    Suite,
    WindowBudget,
)
from beam_actors.wire.libp2p_noise import SecureHandshake
from beam_actors.wire.multistream import HEADER, encode_message
from beam_actors.wire.muxer_agreement import YAMUX
from beam_actors.wire.records import OVERHEAD, TAG_SPACE, RecordReader, seal_records
from beam_actors.wire.yamux import HEADER_SIZE, pack_header, unpack_header

ALICE = PeerKey.from_seed(b"a" * 32)
BOB = PeerKey.from_seed(b"b" * 32)
ECHO = "/beam/echo/1"
SYN, ACK, FIN, RST = 1, 2, 4, 8
DATA, WINDOW, PING, GO_AWAY = 0, 1, 2, 3
SUITE_IDS = {AES: "aes", CHACHA: "chacha"}


def make_session(role: Role, key: PeerKey = ALICE, **options) -> Session:
    fill = b"1" if role is Role.INITIATOR else b"2"
    defaults = {
        "key": key,
        "static_seed": fill * 32,
        "ephemeral_seed": fill.lower() * 16 + b"e" * 16,
        "expected": None,
        "protocols": ECHO.__eq__,
        "info": IdentifyInfo(agent=f"test {role.value}"),
    }
    return Session(role, **{**defaults, **options})


class Line:
    """Alice (initiator) and Bob (responder) with a line between them. Events are kept, data by stream."""

    def __init__(
        self,
        *,
        suites: Sequence[Suite] = SUITES,
        limits: SessionLimits | None = None,
        budget: WindowBudget | None = None,
        consume: bool = True,
    ) -> None:
        common = {"limits": limits, "budget": budget}
        self.alice = make_session(
            Role.INITIATOR, ALICE, expected=BOB.peer_id, security=Security(suites=tuple(suites)), **common
        )
        self.bob = make_session(Role.RESPONDER, BOB, **common)
        self.consume = consume
        self.events: dict[Session, list[Event]] = {self.alice: [], self.bob: []}
        self.data: dict[Session, dict[int, bytearray]] = {self.alice: {}, self.bob: {}}
        self.bytes: dict[Session, int] = {self.alice: 0, self.bob: 0}

    def other(self, session: Session) -> Session:
        return self.bob if session is self.alice else self.alice

    def keep(self, session: Session, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, StreamData):
                self.data[session].setdefault(event.stream, bytearray()).extend(event.data)
                if self.consume:
                    session.consumed(event.stream, len(event.data))
            else:
                self.events[session].append(event)

    def carry(self, sender: Session, *, limit: int = 1 << 18, chunk: int | None = None, work: int = 1 << 62) -> int:
        """Take one flush of the sender to the other end, in pieces of `chunk` bytes: how many bytes were moved.

        The other end does `work` at a time; what it leaves of the last piece waits for the next call.
        """
        other, moved = self.other(sender), 0
        out = bytearray(sender.data_to_send(limit))
        self.keep(sender, sender.take_events())
        step = chunk or len(out) or 1
        for start in (*range(0, len(out), step), len(out)):
            while other.backlog:
                moved += other.backlog
                self.keep(other, other.resume(work))
            if start < len(out):
                self.keep(other, other.receive(out[start : start + step], work))
                if start + step >= len(out):
                    break
        self.bytes[sender] += len(out)
        return moved + len(out)

    def settle(self, **options) -> "Line":
        """Carry both ways until nothing is said any more."""
        while self.carry(self.alice, **options) + self.carry(self.bob, **options):
            pass
        return self

    def pop(self, session: Session) -> list[Event]:
        events = self.events[session]
        self.events[session] = []
        return events


def frame(kind: int, flags: int, stream: int, value: int, payload: bytes = b"") -> bytes:
    return pack_header(0, kind, flags, stream, value) + payload


def data_frame(stream: int, payload: bytes, flags: int = 0) -> bytes:
    return frame(DATA, flags, stream, len(payload), payload)


def opening(protocol: str = ECHO) -> bytes:
    return encode_message(HEADER) + encode_message(protocol)


def parse_frames(data: bytes) -> list[tuple[int, int, int, int, bytes]]:
    """(kind, flags, stream, value, payload) of each frame."""
    found, offset = [], 0
    while offset < len(data):
        _, kind, flags, stream, value = unpack_header(data, offset)
        offset += HEADER_SIZE
        size = value if kind == DATA else 0
        found.append((kind, flags, stream, value, data[offset : offset + size]))
        offset += size
    return found


class RawPeer:
    """A peer of a session that proves its identity and then sends what frames the test wants."""

    def __init__(self, session: Session, *, suite: Suite = AES, muxers: tuple[str, ...] = (YAMUX,)) -> None:
        self.session = session
        initiator = session.role is Role.RESPONDER
        role = Role.INITIATOR if initiator else Role.RESPONDER
        self.events: list[Event] = []
        self.handshake = SecureHandshake(
            suite, role, key=BOB, static_seed=b"s" * 32, ephemeral_seed=b"x" * 32, expected=None, muxers=muxers
        )
        self._left = b""  # sealed bytes that came behind the handshake
        if initiator:
            self.feed(opening(suite.protocol))
            assert self.hear() == opening(suite.protocol)
            self.feed(self.handshake.opening())
        else:
            assert self.hear() == opening(AES.protocol)
            agreed = b"" if suite is AES else encode_message("na")
            self.feed(encode_message(HEADER) + agreed + encode_message(suite.protocol))
        skip = encode_message(suite.protocol) if not initiator and suite is not AES else b""
        while not self.handshake.complete:
            heard = self.hear()
            assert heard.startswith(skip), heard
            heard, skip = heard[len(skip) :], b""
            used, reply = self.handshake.receive(memoryview(heard))
            self._left = heard[used:]
            self.feed(reply)
        self.cipher, receiving = self.handshake.ciphers()
        self.records = RecordReader(receiving)

    def feed(self, data: bytes) -> None:
        self.events += self.session.receive(bytearray(data))

    def hear(self) -> bytes:
        out = b""
        while part := self.session.data_to_send():
            out += part
        self.events += self.session.take_events()
        return out

    def seal(self, plaintext: bytes) -> bytes:
        size = (len(plaintext) + OVERHEAD - 2).to_bytes(2, "big")
        return bytes(seal_records(self.cipher, [len(plaintext)], [size, plaintext, TAG_SPACE]))

    def send(self, *frames: bytes) -> list[Event]:
        """Send frames in one record: the events that they cause."""
        self.events.clear()
        self.feed(self.seal(b"".join(frames)))
        return self.events

    def plaintext(self) -> bytes:
        heard, self._left = self._left + self.hear(), b""
        return b"".join(bytes(part) for part in self.records.open(memoryview(bytearray(heard))))

    def frames(self) -> list[tuple[int, int, int, int, bytes]]:
        return parse_frames(self.plaintext())


def unframed(data):
    """The body of the one message that `data` is."""
    reader = FrameReader(len(data))
    reader.feed(data)
    body = reader.next()
    assert body is not None
    assert not reader.held
    return body
