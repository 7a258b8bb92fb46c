import contextlib
import socket
import threading

from benchmarks import recorder as module
from benchmarks.recorder import recording


@contextlib.contextmanager
def service(answer):
    """One client is answered after it has said all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError), listener.accept()[0] as client:
                said = b""
                while len(said) < 5 and (data := client.recv(100)):
                    said += data
                client.sendall(answer(said))

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_what_passes_is_unchanged_and_kept():
    with service(lambda said: said.upper() * 2) as port, recording(port) as recorder:
        with socket.create_connection(("127.0.0.1", recorder.port)) as client:
            client.sendall(b"hello")
            answer = b""
            while data := client.recv(100):
                answer += data
        assert answer == b"HELLOHELLO"
        (record,) = recorder.records
        assert (record.up, record.down) == (b"hello", b"HELLOHELLO")


def test_what_it_holds_is_bounded():
    with service(lambda _said: bytes(1 << 20)) as port:
        recorder = module.Recorder(port, limit=1000)
        thread = threading.Thread(target=recorder.serve)
        thread.start()
        with socket.create_connection(("127.0.0.1", recorder.port)) as client:
            client.sendall(b"hello")
            got = 0
            with contextlib.suppress(ConnectionResetError):
                while data := client.recv(1 << 16):
                    got += len(data)
        assert got < 1 << 20
        assert len(recorder.records[0].down) <= 1000 + module.PIECE
        recorder.close()
        thread.join()


def test_closing_cuts_what_is_open():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        recording(listener.getsockname()[1]) as recorder,
        socket.create_connection(("127.0.0.1", recorder.port)) as near,
        listener.accept()[0] as far,
    ):
        far.sendall(b"hello")
        assert near.recv(100) == b"hello"
        recorder.close()
        for end in (near, far):
            with contextlib.suppress(ConnectionResetError):
                assert end.recv(100) == b""
