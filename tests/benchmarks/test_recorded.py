import random
import socket

import pytest

from benchmarks import recorded as module
from benchmarks.ciphertext import TAG
from benchmarks.recorded import NAME, main, mirror, received
from benchmarks.recorder import Record

FULL = 65519
PAYLOAD = module.PAYLOAD[: 1 << 18]


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(module, "PAYLOAD", PAYLOAD)


def test_whoever_looks_first_whether_it_listens_takes_nothing_from_the_visitor():
    with mirror() as port:
        socket.create_connection(("127.0.0.1", port)).close()
        with socket.create_connection(("127.0.0.1", port)) as visitor:
            visitor.sendall(PAYLOAD)
            visitor.shutdown(socket.SHUT_WR)
            assert received(visitor)


def test_what_came_changed_is_not_sent_back():
    with mirror() as port, socket.create_connection(("127.0.0.1", port)) as visitor:
        visitor.sendall(PAYLOAD[1:])
        visitor.shutdown(socket.SHUT_WR)
        assert visitor.recv(1) == b""


def direction(handshake, seed):
    noise, whole = random.Random(seed), len(PAYLOAD) + 1000
    sizes = [*handshake, *[FULL + TAG] * (whole // FULL), whole % FULL + TAG]
    said = b"".join(size.to_bytes(2, "big") + noise.randbytes(size) for size in sizes)
    return bytearray(b"\x13/multistream/1.0.0\n\x07/noise\n" + said)


def recorded(monkeypatch, *records, whole=True):
    monkeypatch.setattr(module, "transfer", lambda: (whole, list(records)))


@pytest.fixture(scope="module")
def honest():
    return Record(direction((32, 184), 1), direction((216,), 2))


def test_ciphertext_in_both_directions_passes(monkeypatch, honest, capsys):
    recorded(monkeypatch, honest)
    assert main() == 0
    out = capsys.readouterr().out
    assert "to the owner" in out
    assert "to the visitor" in out


def test_a_name_in_one_direction_is_a_miss_that_says_where(monkeypatch, honest, capsys):
    down = bytearray(honest.down)
    down[9_000 : 9_000 + len(NAME)] = NAME.encode()
    recorded(monkeypatch, Record(honest.up, down))
    assert main() == 1
    (miss,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("MISS")]
    assert "to the visitor" in miss
    assert NAME in miss


def test_what_is_no_single_session_is_a_miss(monkeypatch, honest, capsys):
    recorded(monkeypatch, honest, honest)
    assert main() == 1
    recorded(monkeypatch)
    assert main() == 1
    recorded(monkeypatch, Record(bytearray(b"GET / HTTP/1.1"), bytearray()))
    assert main() == 1
    recorded(monkeypatch, honest, whole=False)
    assert main() == 1
    assert "did not come back whole" in capsys.readouterr().out
