from tests.peers.lab import ECHO, until


async def test_a_stream_to_a_connected_peer_asks_no_actor(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        (cell,) = [cell for path, cell in alice.system._cells.items() if path.endswith(f"/peers/{bob.id.short}")]
        stream = await alice.peers.open(bob.id, ECHO)
        await stream.write(b"hello")
        await stream.shutdown()
        assert await stream.read() == b"hello"
        assert "OpenStream" not in cell.history
        assert len(cell.actor._setting.routes) == 1


async def test_a_peer_that_is_let_go_has_no_route(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        (cell,) = [cell for path, cell in alice.system._cells.items() if path.endswith(f"/peers/{bob.id.short}")]
        known = cell.actor._setting.routes
        await alice.lose(bob)
        assert known.open(bob.id, ECHO, None) is None
        assert len(known) == 0
        assert await alice.echo(bob) == b"hello"  # dialled again
        assert len(known) == 1


async def test_a_peer_that_crashed_has_none_until_it_is_back(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        (path,) = [path for path in alice.system._cells if path.endswith(f"/peers/{bob.id.short}")]
        known = alice.system._cells[path].actor._setting.routes
        alice.crash(path.partition("services/")[2])
        await until(lambda: len(known) == 0)
        assert await alice.echo(bob) == b"hello"
        assert len(known) == 1


async def test_a_session_that_the_peer_is_leaving_takes_no_new_streams(world, autojump_clock):
    async with world.running(2) as (alice, bob):
        await alice.peers.connect(bob.address)
        await until(lambda: bob.sessions(alice))
        (path,) = [path for path in bob.system._cells if path.endswith(f"/peers/{alice.id.short}")]
        theirs = bob.system._cells[path].actor._sessions.best.established.handle
        (path,) = [path for path in alice.system._cells if path.endswith(f"/peers/{bob.id.short}")]
        sessions = alice.system._cells[path].actor._sessions
        ours = sessions.best.established.handle
        theirs.leave()
        await until(lambda: not ours.takes_streams)
        assert ours.is_open
        assert sessions.best is None or sessions.best.established.handle is not ours
        assert await alice.echo(bob) == b"hello"
