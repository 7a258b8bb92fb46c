"""A request's whole way on real sockets: curl and openssl, the pump, TLS, the gate, a tunnel's stream, an app."""

import shutil
import socket
from contextlib import asynccontextmanager

import dnslib
import pytest
import trio

from beam_actors import errors
from beam_actors.flow import Flow, Pump
from beam_actors.ingress import Binding, Zone, compose_ingress
from beam_actors.ingress.framing import frame
from beam_actors.ingress.limits import IngressLimits
from beam_actors.runtime import System
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.store import MemoryStore
from beam_actors.values import TcpAddress
from beam_actors.world.clock import SystemClock
from beam_actors.world.epoll import EpollDriver
from beam_actors.world.files import HomeFiles
from beam_actors.world.tls import OpenSslTls
from tests.ingress.rig import FakeNames
from tests.ingress.test_heads import get
from tests.ingress.test_questions import ask

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the curl binary is not on this machine")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl binary is not on this machine")


def may_bind_well_known_ports():
    try:
        for port in (80, 443):
            with socket.create_server(("127.77.255.1", port)):
                pass
    except OSError:
        return False
    return True


LOOPBACK = TcpAddress("127.0.0.1", 0)
ZONE = Zone(("local", "localhost"))


class Listening:
    """An owner that serves each accepted connection with a task."""

    alive = True

    def __init__(self, path, nursery, serve):
        self.path = path
        self._nursery = nursery
        self._serve = serve

    def tell(self, message):
        self._nursery.start_soon(self._serve, message.stream)

    def crash(self, reason):
        raise reason


class Tunnels:
    """Leads the name `app` to a listener of this test."""

    def __init__(self, flow, owner, target):
        self._flow, self._owner, self._target = flow, owner, target

    async def open(self, destination, port, *, client, seen=None):
        if destination != "app":
            raise errors.NameNotFound(f"Nobody holds {destination}.")
        return await self._flow.dial(self._target, self._owner, timeout=5)


async def echo_app(stream):
    """An app that says how many bytes came after the head, and with which Host."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.read()
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if b"expect" in fields:
        await stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < int(fields.get(b"content-length", 0)):
        body += await stream.read()
    answer = fields[b"host"] + b" %d\n" % len(body)
    await stream.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
    await stream.shutdown()
    stream.close()


class Site:
    def __init__(self, bound, root, ingress, system):
        self.bound = bound
        self.root = root
        self.ingress = ingress
        self.system = system

    async def curl(self, url, *arguments):
        scheme, _, host = url.split("/")[:3]
        server = self.bound.https if scheme == "https:" else self.bound.http
        command = ["curl", "-sS", "-i", "--noproxy", "*", "--cacert", self.root, "--max-time", "20", *arguments]
        command += ["--connect-to", f"{host}::127.0.0.1:{server.port}", url]
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@asynccontextmanager
async def site(tmp_path, *, fixed=True, limits=None):
    """The room's four actors over the real pump, at ports that the OS chose."""
    clock, files, flow = SystemClock(), HomeFiles(tmp_path / "home"), Flow()
    driver = EpollDriver(clock)
    pump = Pump(driver, clock)
    flow.attach(pump)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.run)
        app_owner = Listening("app", nursery, echo_app)
        app = flow.listen(LOOPBACK, app_owner)
        tunnels = Tunnels(flow, app_owner, app.local)

        system = System("test", clock=trio.current_time)
        flow.watch(system)
        spec, ingress = compose_ingress(
            system,
            "node",
            flow=flow,
            names=FakeNames("app"),
            tunnels=tunnels,
            store=await MemoryStore.open(MemoryDisk()),
            files=files,
            tls=OpenSslTls(),
            clock=clock,
            entropy=SeededEntropy(1),
            zone=ZONE,
            dns=Binding(LOOPBACK, fixed=True),
            https=Binding(LOOPBACK, fixed=fixed),
            http=Binding(LOOPBACK, fixed=fixed),
            limits=limits,
        )
        async with system.run(spec):
            root = await ingress.root_certificate()
            yield Site(await ingress.bound(), root.path, ingress, system)
        nursery.cancel_scope.cancel()
    driver.close()
    files.close()


@needs_curl
async def test_curl_reaches_the_app(tmp_path):
    async with site(tmp_path) as here:
        code, out, words = await here.curl("https://app.local/")
        assert (code, out.splitlines()[0], out.splitlines()[-1]) == (0, "HTTP/1.1 200 OK", "app.local 0"), words
        code, out, words = await here.curl("http://app.local/")
        assert (code, out.splitlines()[0], out.splitlines()[-1]) == (0, "HTTP/1.1 200 OK", "app.local 0"), words


@pytest.mark.parametrize("kind", ["https", "http"])
async def test_a_connection_that_gave_its_place_to_another_is_reset(tmp_path, kind):
    limits = IngressLimits(web_connections=1, head_seconds=1000)
    async with site(tmp_path, limits=limits) as here:
        server = getattr(here.bound, kind)
        ends = [await trio.open_tcp_stream(server.ip, server.port) for _ in range(6)]
        for evicted in ends[:-1]:
            with trio.fail_after(5), pytest.raises(trio.BrokenResourceError):
                await evicted.receive_some()
        for end in ends:
            await end.aclose()


@needs_curl
async def test_an_upload_passes_through(tmp_path):
    (tmp_path / "body").write_bytes(b"\x00\xff" * 500_000)
    async with site(tmp_path) as here:
        code, out, words = await here.curl("https://app.local/", "--data-binary", f"@{tmp_path / 'body'}")
        assert (code, out.splitlines()[-1]) == (0, "app.local 1000000"), words


@needs_curl
@pytest.mark.parametrize(
    ("url", "arguments", "status"),
    [
        ("https://nobody.local/", (), 404),
        ("https://localhost/", (), 404),
        ("https://app.local/", ("-H", "Host: other.local"), 421),
        ("https://app.local/", ("-H", "Host: evil.test"), 421),
        ("https://app.local/", ("-H", "Content-Length: 1", "-H", "Transfer-Encoding: chunked"), 400),
        ("https://nobody.local/", ("--data-binary", "x" * 100_000), 404),
    ],
)
async def test_curl_gets_a_page(tmp_path, url, arguments, status):
    async with site(tmp_path) as here:
        code, out, words = await here.curl(url, *arguments)
        assert code == 0, words
        assert out.split("HTTP/1.1 ")[-1].startswith(f"{status} ")


@needs_curl
async def test_a_name_outside_the_zone_gets_no_certificate(tmp_path):
    async with site(tmp_path) as here:
        code, out, words = await here.curl("https://example.com/")
        assert code == 35, words
        assert "unrecognized name" in words
        assert out == ""


@needs_curl
@pytest.mark.skipif(not may_bind_well_known_ports(), reason="this process may not bind ports 80 and 443 on loopback")
@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_with_privileges_a_name_has_an_address_of_its_own(tmp_path, scheme):
    async with site(tmp_path, fixed=False) as here:
        address = (await here.ingress.locate("app")).address
        assert address.startswith("127.77.")
        port = {"https": 443, "http": 80}[scheme]
        command = ["curl", "-sS", "--noproxy", "*", "--cacert", here.root, "--resolve", f"app.local:{port}:{address}"]
        done = await trio.run_process([*command, f"{scheme}://app.local/"], capture_stdout=True, check=False)
        assert (done.returncode, done.stdout) == (0, b"app.local 0\n")


async def test_a_crash_of_the_server_breaks_no_spliced_connection(tmp_path):
    async with site(tmp_path) as here:
        address = ("127.0.0.1", here.bound.http.port)
        http = here.system.ref("node/http")
        spliced, waiting = await trio.open_tcp_stream(*address), await trio.open_tcp_stream(*address)
        async with spliced, waiting:
            await waiting.send_all(b"GET / HTTP/1.1\r\n")
            await spliced.send_all(
                get("Host: app.local", "Expect: 100-continue", "Content-Length: 9", line="PUT / HTTP/1.1")
            )
            assert (await spliced.receive_some()).startswith(b"HTTP/1.1 100 ")
            http.crash(RuntimeError("as asked"))
            with pytest.raises(trio.BrokenResourceError):
                await waiting.receive_some()  # it was not spliced yet, so it ends with its actor
            await spliced.send_all(b"last byte")
            received = b""
            while chunk := await spliced.receive_some():
                received += chunk
            assert received.endswith(b"app.local 9\n")
        with trio.fail_after(10):
            while (http.incarnation, http.alive) != (2, True):
                await trio.lowlevel.checkpoint()
        assert await here.ingress.bound() == here.bound  # the new incarnation listens at the same port


@needs_openssl
async def test_openssl_verifies_the_chain(tmp_path):
    async with site(tmp_path) as here:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{here.bound.https.port}", "-servername", "app.local"]
        command += ["-CAfile", here.root, "-verify_hostname", "app.local", "-verify_return_error", "-x509_strict"]
        command += ["-alpn", "h2,http/1.1"]
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
        words = (done.stdout + done.stderr).decode()
        assert "Verification: OK" in words
        assert "ALPN protocol: http/1.1" in words


async def test_dns_over_udp_and_tcp(tmp_path):
    async with site(tmp_path) as here:
        with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as udp:
            for _ in range(3):
                await udp.sendto(ask("App.local"), ("127.0.0.1", here.bound.dns.port))
                reply = dnslib.DNSRecord.parse(await udp.recv(4096))
                assert [str(record.rdata) for record in reply.rr] == ["127.0.0.1"]
        stream = await trio.open_tcp_stream("127.0.0.1", here.bound.dns.port)
        async with stream:
            await stream.send_all(frame(ask("nobody.local")))
            reply = dnslib.DNSRecord.parse((await stream.receive_some())[2:])
            assert reply.header.rcode == dnslib.RCODE.NXDOMAIN


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig (Debian: bind9-dnsutils) is not on this machine")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize(
    ("name", "kind", "status", "words"),
    [
        ("app.local", "A", "NOERROR", "127.0.0.1"),
        ("app.local", "AAAA", "NOERROR", "SOA"),
        ("app.local", "HTTPS", "NOERROR", "SOA"),
        ("nobody.local", "A", "NXDOMAIN", "SOA"),
        ("local", "SOA", "NOERROR", "ns.local."),
        ("example.com", "A", "REFUSED", ""),
    ],
)
async def test_dig_agrees(tmp_path, transport, name, kind, status, words):
    async with site(tmp_path) as here:
        command = ["dig", "@127.0.0.1", "-p", str(here.bound.dns.port), transport, "+tries=1", "+time=5", name, kind]
        done = await trio.run_process(command, capture_stdout=True, check=False)
        out = done.stdout.decode()
        assert f"status: {status}" in out
        assert words in out
        assert "WARNING: Message parser" not in out
        assert "malformed" not in out
