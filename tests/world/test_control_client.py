"""The client against servers that misbehave."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest

from beam_actors.errors import DaemonNotRunning, NotAllowed, RemoteProtocolError, TimedOut
from beam_actors.world import control_client
from beam_actors.world.control_client import CommandFailed, ControlClient, is_answered


def answer(body, status=200, extra=""):
    data = json.dumps(body).encode() if not isinstance(body, bytes) else body
    return f"HTTP/1.1 {status} OK\r\nContent-Length: {len(data)}\r\n{extra}\r\n".encode() + data


@contextmanager
def serving(tmp_path, *replies, close=True):
    """A server of one connection that sends `replies`, whatever it is asked; yields (path, what it was asked)."""
    path = str(tmp_path / "s")
    asked = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        done = threading.Event()

        def serve():
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(65536))
                for reply in replies:
                    connection.sendall(reply)
                if not close:
                    done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path, asked
        finally:
            done.set()
            thread.join(10)


def call(path, **options):
    return ControlClient(path, version="0.1.0").call("GET", "/v1/status", **options)


def test_what_is_asked(tmp_path):
    with serving(tmp_path, answer({"schema": 1, "version": "2.0", "a": 1})) as (path, asked):
        client = ControlClient(path, version="0.1.0")
        assert client.call("POST", "/v1/ping", {"target": "x"}) == {"schema": 1, "a": 1}
        assert client.daemon_version == "2.0"
    assert asked[0].startswith(b"POST /v1/ping HTTP/1.1\r\nHost: beam\r\n")
    assert asked[0].endswith(b'\r\n\r\n{"target": "x"}')


def test_an_error_keeps_its_code_and_exit_code(tmp_path):
    body = {"schema": 1, "version": "1", "error": {"code": "name-taken", "message": "Taken.", "exit_code": 1}}
    with serving(tmp_path, answer(body, 409)) as (path, _), pytest.raises(CommandFailed, match="Taken") as caught:
        call(path)
    assert (caught.value.remote_code, caught.value.remote_exit_code) == ("name-taken", 1)


@pytest.mark.parametrize("error", [None, "text", {}, {"exit_code": 0}, {"exit_code": "x"}, {"exit_code": 999}])
def test_an_odd_error_is_a_plain_failure(tmp_path, error):
    reply = answer({"schema": 1, "error": error}, 500)
    with serving(tmp_path, reply) as (path, _), pytest.raises(CommandFailed) as caught:
        call(path)
    assert caught.value.remote_exit_code == 1


@pytest.mark.parametrize("body", [b"hello", b"[]", b"{}", b'{"schema": "x"}', b"[" * 10000])
def test_another_program_is_recognised(tmp_path, body):
    with serving(tmp_path, answer(body)) as (path, _), pytest.raises(RemoteProtocolError, match="not a beam daemon"):
        call(path)


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_an_end_before_the_answer(tmp_path, reply):
    with serving(tmp_path, reply) as (path, _), pytest.raises(DaemonNotRunning, match="without an answer"):
        call(path)


def test_an_end_inside_the_answer(tmp_path):
    with serving(tmp_path, answer({"schema": 1})[:-3]) as (path, _), pytest.raises(DaemonNotRunning, match="middle"):
        call(path)


def test_no_answer_in_time(tmp_path):
    with serving(tmp_path, close=False) as (path, _), pytest.raises(TimedOut, match=r"0\.05 seconds"):
        call(path, timeout=0.05)


def test_an_endless_answer_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(control_client, "MAX_REPLY", 1000)
    with serving(tmp_path, answer(b"x" * 2000)) as (path, _), pytest.raises(RemoteProtocolError, match="longer"):
        call(path)


def test_nobody(tmp_path):
    path = str(tmp_path / "s")
    assert not is_answered(path)
    with pytest.raises(DaemonNotRunning, match="beam start"):
        call(path)
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    assert not is_answered(path)
    with pytest.raises(DaemonNotRunning, match="beam start"):
        call(path)


def test_a_squatters_socket_gets_nothing(tmp_path, monkeypatch):
    with serving(tmp_path) as (path, asked):
        monkeypatch.setattr(control_client.os, "getuid", lambda: control_client.os.geteuid() + 1)
        with pytest.raises(NotAllowed, match="another user"):
            call(path)
    assert asked == [b""]


def lines_of(path, patience=5.0):
    return ControlClient(path, version="0.1.0").lines("/v1/share", {}, patience=patience)


STREAM = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


def test_lines_arrive_in_whatever_pieces(tmp_path):
    with serving(tmp_path, STREAM, b'{"schema": 1, "n"', b': 1}\n{"schema": 1, "n": 2}\n{"sche') as (path, _):
        assert [line["n"] for line in lines_of(path)] == [1, 2]


def test_an_error_among_the_lines(tmp_path):
    line = b'{"schema": 1, "error": {"message": "No."}}\n'
    with serving(tmp_path, STREAM, line) as (path, _), pytest.raises(CommandFailed, match="No"):
        list(lines_of(path))


def test_a_refused_stream(tmp_path):
    body = {"schema": 1, "error": {"code": "usage", "message": "Bad.", "exit_code": 2}}
    with serving(tmp_path, answer(body, 400)) as (path, _), pytest.raises(CommandFailed, match="Bad"):
        list(lines_of(path))


def test_a_silent_stream_times_out(tmp_path):
    with serving(tmp_path, STREAM, close=False) as (path, _), pytest.raises(TimedOut):
        list(lines_of(path, patience=0.05))


def test_a_line_without_end_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(control_client, "MAX_LINE", 1000)
    with serving(tmp_path, STREAM, b"x" * 2000) as (path, _), pytest.raises(RemoteProtocolError, match="longer"):
        list(lines_of(path))
