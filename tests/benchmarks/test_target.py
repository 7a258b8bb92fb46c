import json
import socket
from contextlib import ExitStack

import pytest

from benchmarks.target import BULK_HEAD, BULK_REQUEST, REQUEST, SINK_REQUEST, SMALL, serving


@pytest.fixture(scope="module")
def port():
    with serving() as served:
        yield served


@pytest.fixture
def connect(port):
    with ExitStack() as opened:
        yield lambda: opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))


def read(raw, size):
    data = b""
    while len(data) < size and (part := raw.recv(size - len(data))):
        data += part
    return data


def state(raw):
    raw.sendall(b"GET /state HTTP/1.1\r\n\r\n")
    with raw.makefile("rb") as lines:
        return json.loads(lines.readline())


@pytest.mark.parametrize("cut", range(1, len(REQUEST)))
def test_a_request_is_answered_once_however_it_is_cut(connect, cut):
    raw = connect()
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.sendall(REQUEST[:cut])
    assert state(connect())["open"] >= 1  # by now the first part was read
    raw.sendall(REQUEST[cut:])
    assert read(raw, len(SMALL)) == SMALL
    raw.sendall(REQUEST)
    assert read(raw, len(SMALL)) == SMALL


def test_requests_that_come_together_are_answered_one_by_one(connect):
    raw = connect()
    raw.sendall(REQUEST * 3)
    assert read(raw, 3 * len(SMALL)) == SMALL * 3


def test_bulk_is_zeros_for_as_long_as_it_is_read(connect):
    raw = connect()
    raw.sendall(BULK_REQUEST)
    assert read(raw, len(BULK_HEAD)) == BULK_HEAD
    assert read(raw, 1 << 20) == bytes(1 << 20)


def test_a_sink_counts_what_it_took(connect):
    asking, raw = connect(), connect()
    before = state(asking)
    raw.sendall(SINK_REQUEST + bytes(1000))
    raw.shutdown(socket.SHUT_WR)
    assert raw.recv(1) == b""  # it has read to the end
    after = state(asking)
    assert after["sunk"] - before["sunk"] == 1000
    assert after["at"] > before["at"]


def test_a_head_without_end_is_cut(connect):
    raw = connect()
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        raw.sendall(b"x" * (1 << 24))
