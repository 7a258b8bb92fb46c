import os

import pytest
import trio

from beam_actors.errors import ConnectionLost
from beam_actors.flow import Stream
from beam_actors.testing.tls import PlainTls
from beam_actors.world.tls import OpenSslTls
from tests.flow.rig import KINDS, FakeOwner, Rig, digest, eventually, on_virtual, read_all, run, send_all, settled
from tests.ports.tls_sides import OpenSslClient, certificate_for


def engines(kind: str, name: str = "one.local") -> tuple[object, object]:
    """A client's and a server's engine of that kind."""
    if kind == "plain":
        port = PlainTls()
        return port.client(name), port.server(certificate_for)
    return OpenSslClient(name), OpenSslTls().server(certificate_for)


async def encrypted(rig: Rig, kind: str, name: str = "one.local") -> tuple[Stream, Stream]:
    client, server = await rig.streams()
    ours, theirs = engines(kind, name)
    return rig.flow.tls(client, ours), rig.flow.tls(server, theirs)


def cases(case):
    @pytest.mark.parametrize("engine", ["plain", "openssl"])
    @pytest.mark.parametrize("kind", KINDS)
    def test(kind, engine):
        async def whole(rig: Rig) -> None:
            await case(rig, engine)

        run(kind, whole)

    test.__name__ = case.__name__
    return test


@cases
async def test_plaintext_both_ways_and_clean_ends(rig: Rig, engine: str) -> None:
    client, server = await encrypted(rig, engine)
    await send_all(client, b"GET / HTTP/1.1\r\n\r\n")
    assert await read_all(server) == b"GET / HTTP/1.1\r\n\r\n"
    await server.write(b"200")
    server.close()
    assert await read_all(client) == b"200"
    client.close()
    repr((client, server))


@cases
async def test_bulk_through_a_splice(rig: Rig, engine: str) -> None:
    client, server = await encrypted(rig, engine)
    near, app = await rig.streams()
    server.splice(near, "https")
    forth, back = os.urandom(1 << 20), os.urandom(2 << 20)
    got: dict[str, bytes] = {}

    async def read(name: str, stream: Stream) -> None:
        got[name] = await read_all(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, client, forth)
        nursery.start_soon(send_all, app, back)
        nursery.start_soon(read, "app", app)
        nursery.start_soon(read, "client", client)
    assert digest(got["app"]) == digest(forth)
    assert digest(got["client"]) == digest(back)
    assert rig.pump.budget.total == 0


@cases
async def test_an_abort_and_a_cut_without_close_notify_are_no_clean_ends(rig: Rig, engine: str) -> None:
    client, server = await encrypted(rig, engine)
    await client.write(b"x")
    assert await server.read() == b"x"
    server.abort()
    with pytest.raises(ConnectionLost):
        await client.read()
    client, server = await encrypted(rig, engine)
    await client.write(b"x")
    assert await server.read() == b"x"
    client._link._lower.close()
    with pytest.raises(ConnectionLost):
        await server.read()


@cases
async def test_an_unknown_name_fails_the_handshake_at_both_ends(rig: Rig, engine: str) -> None:
    client, server = await encrypted(rig, engine, "unknown.local")
    for end in (client, server):
        with pytest.raises(ConnectionLost, match="TLS failed"):
            await end.read()
    assert rig.owner.crashes == []


@cases
async def test_garbage_is_not_tls(rig: Rig, engine: str) -> None:
    raw, server = await rig.streams()
    server = rig.flow.tls(server, engines(engine)[1])
    await raw.write(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ConnectionLost, match="TLS failed"):
        await server.read()


@cases
async def test_what_was_read_too_early_is_fed_first(rig: Rig, engine: str) -> None:
    raw, server = await rig.streams()
    ours, theirs = engines(engine)
    client = rig.flow.tls(raw, ours)
    server.unread(await server.read(7))
    server = rig.flow.tls(server, theirs)
    await client.write(b"through")
    assert await server.read() == b"through"


@cases
async def test_a_reader_that_stalls_stops_the_network_and_resumes(rig: Rig, engine: str) -> None:
    client, server = await encrypted(rig, engine)
    size = 16 << 20
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, client, bytes(size))
        await settled(rig)
        assert rig.pump.budget.total < 1 << 20
        assert len(await read_all(server)) == size


@on_virtual
async def test_a_handshake_has_a_deadline(rig: Rig) -> None:
    raw, server = await rig.streams()
    start = trio.current_time()
    tls = rig.flow.tls(server, engines("plain")[1])
    with pytest.raises(ConnectionLost):
        await tls.read()
    assert trio.current_time() - start == pytest.approx(10)
    with pytest.raises(ConnectionLost):
        await raw.read()


@on_virtual
async def test_the_link_dies_with_its_owner_and_its_bugs_crash_it(rig: Rig) -> None:
    client, server = await encrypted(rig, "plain")
    await client.write(b"x")
    await server.read()
    server.adopt(FakeOwner("https"))
    rig.pump.owner_ended("https")
    with pytest.raises(ConnectionLost):
        await client.read()

    def broken(_name: object) -> None:
        raise ZeroDivisionError("a bug in the certificate store")

    raw, server = await rig.streams()
    owner = FakeOwner("https")
    server.adopt(owner)
    rig.flow.tls(server, PlainTls().server(broken))
    client = rig.flow.tls(raw, PlainTls().client("one.local"))
    with pytest.raises(ConnectionLost):
        await client.read()
    assert [type(crash) for crash in owner.crashes] == [ZeroDivisionError]


@on_virtual
async def test_last_records_leave_after_close(rig: Rig) -> None:
    client, server = await encrypted(rig, "plain")
    await client.write(b"x")
    await server.read()
    data = bytes(200_000)
    sent = 0

    async def write() -> None:
        nonlocal sent
        await server.write(data)
        server.close()
        sent = 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await eventually(lambda: bool(sent))
        assert await read_all(client) == data
