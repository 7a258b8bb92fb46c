import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from beam_actors.testing.daemons import LOOPBACK, Daemon, daemons


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"<h1>the app</h1>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def site():
    """The port of a small HTTP server, the app of these tests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def unused_port():
    """A loopback port with nothing behind it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def couple(tmp_path_factory):
    """An owner and a visitor that are connected; shared by the tests of this session."""
    root = tmp_path_factory.mktemp("couple")
    owner, visitor = Daemon(root / "owner", *LOOPBACK), Daemon(root / "visitor", *LOOPBACK)
    with daemons(owner, visitor):
        owner.start()
        visitor.start()
        visitor.beam("connect", owner.beam("id")["addresses"][0])
        yield owner, visitor
