"""One entry point for each parser of the wire: any bytes may go in, only `RemoteProtocolError` may come out.

Hypothesis calls them in the tests; a soak may run the same functions under a coverage-guided fuzzer.
"""

import contextlib

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire import FrameReader, Role, SessionEnded, SessionLimits, WindowBudget, frame
from beam_actors.wire.identify import InfoReader
from beam_actors.wire.libp2p_noise import SecureHandshake, decode_payload
from beam_actors.wire.multistream import Listener, Proposer
from beam_actors.wire.mux import Multiplexer
from beam_actors.wire.noise import AES, CHACHA, CipherState, Handshake
from beam_actors.wire.protobuf import read_fields
from beam_actors.wire.records import RecordReader
from tests.wire.support import ALICE, ECHO, RawPeer, make_session, opening

MIB = 1 << 20


def fuzz_protobuf(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert sum(len(value) for _, value in read_fields(data) if isinstance(value, bytes)) <= len(data)


def fuzz_multistream_listener(data: bytes) -> None:
    listener = Listener(ECHO.__eq__)
    with contextlib.suppress(RemoteProtocolError):
        used, _ = listener.receive(data)
        assert used == len(data) or listener.chosen == ECHO


def fuzz_multistream_proposer(data: bytes) -> None:
    proposer = Proposer(("/a", "/b"))
    with contextlib.suppress(RemoteProtocolError):
        used, _ = proposer.receive(data)
        assert used == len(data) or proposer.chosen is not None or proposer.declined


def fuzz_noise_message(data: bytes) -> None:
    for role in Role:
        handshake = Handshake(AES, role, static_seed=b"s" * 32, ephemeral_seed=b"e" * 32)
        if role is Role.INITIATOR:
            handshake.write()
        with contextlib.suppress(RemoteProtocolError):
            handshake.read(data)
            assert role is Role.RESPONDER


def fuzz_handshake(data: bytes) -> None:
    for suite in (AES, CHACHA):
        handshake = SecureHandshake(
            suite,
            Role.RESPONDER,
            key=ALICE,
            static_seed=b"s" * 32,
            ephemeral_seed=b"e" * 32,
            expected=None,
            muxers=(),
        )
        with contextlib.suppress(RemoteProtocolError):
            handshake.receive(memoryview(data))
        assert not handshake.complete


def fuzz_handshake_payload(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        decode_payload(data, b"k" * 32)
        raise AssertionError("nobody can forge a signature")


def fuzz_records(data: bytes) -> None:
    reader = RecordReader(CipherState(AES, b"k" * 32))
    with contextlib.suppress(RemoteProtocolError):
        assert not list(reader.open(memoryview(bytearray(data))))


def fuzz_yamux(data: bytes) -> None:
    """Frames straight into a multiplexer whose streams all belong to the application."""
    mux = Multiplexer(
        Role.RESPONDER, SessionLimits(streams=8), budget=WindowBudget(MIB), admit=lambda _: True, on_gone=lambda _: None
    )
    mux.open()
    with contextlib.suppress(RemoteProtocolError):
        mux.receive(memoryview(data))
    assert len(mux) <= 9
    parts: list = []
    assert mux.outbox.fill(parts, 1 << 24) == sum(map(len, parts)) <= len(data) + 24


def fuzz_frames(data: bytes) -> None:
    reader, step, whole = FrameReader(64), 1 + len(data) % 7, b""
    with contextlib.suppress(RemoteProtocolError):
        for start in range(0, len(data), step):
            reader.feed(data[start : start + step])
            while (message := reader.next()) is not None:
                whole += frame(message)
            assert reader.held <= 64 + step
        assert whole + reader.rest() == data


def fuzz_identify(data: bytes) -> None:
    reader = InfoReader(ALICE.peer_id)
    with contextlib.suppress(RemoteProtocolError):
        reader.receive(memoryview(data))


def fuzz_session(data: bytes) -> None:
    """From the first byte on, at both ends."""
    for role in Role:
        session = make_session(role)
        events = session.receive(data)
        assert not events or isinstance(events[-1], SessionEnded)
        assert session.receive(data) == [] or not events


def fuzz_established_session(data: bytes) -> None:
    """Frames in a sealed record, after an honest handshake."""
    peer = RawPeer(make_session(Role.RESPONDER))
    peer.send(data[: 1 << 15], opening())
    assert peer.session.statistics().streams <= 1 << 12


TARGETS = [value for name, value in sorted(globals().items()) if name.startswith("fuzz_")]
