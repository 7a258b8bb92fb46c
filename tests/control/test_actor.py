import os
from contextlib import asynccontextmanager

import pytest
import structlog.testing
import trio

from beam_actors.control import Control, ControlLimits, log_event, tree_of
from beam_actors.errors import DaemonNotRunning
from beam_actors.runtime import ChildSpec, Supervisor, System
from beam_actors.values import UnixAddress
from beam_actors.world.clock import SystemClock
from beam_actors.world.control_client import CommandFailed, ControlClient, is_answered
from beam_actors.world.epoll import EpollDriver
from tests.control.fakes import PEER, FakeNode


@asynccontextmanager
async def running(tmp_path, node=None, *, uid=None, **options):
    """A control actor below a supervisor, at a real Unix socket, in this process."""
    clock = SystemClock()
    node = node or FakeNode()
    path = str(tmp_path / "c.sock")
    uid = os.getuid() if uid is None else uid

    def make():
        return Control(node, UnixAddress(path), driver=lambda: EpollDriver(clock), clock=clock, uid=uid, **options)

    system = System("node", clock=clock.monotonic)
    root = ChildSpec("node", lambda: Supervisor([ChildSpec("control", make)]))
    async with system.run(root):
        yield system, node, path


def whole(system):
    return tree_of(system.tree(), system.clock()).root


async def until(probe):
    """Wait for something that happens in real time, at a real socket."""
    with trio.fail_after(10):
        while not probe():
            await trio.sleep(0.005)


async def ask(path, method, route, body=None):
    client = ControlClient(path, version="0.1.0")
    return await trio.to_thread.run_sync(lambda: client.call(method, route, body, timeout=10))


async def test_the_client_and_the_actor_understand_each_other(tmp_path):
    async with running(tmp_path) as (_system, _node, path):
        assert (await ask(path, "GET", "/v1/id"))["peer_id"] == PEER
        assert (await trio.Path(path).stat()).st_mode & 0o777 == 0o600
        with pytest.raises(CommandFailed) as caught:
            await ask(path, "POST", "/v1/register", {"name": "taken"})
        assert (caught.value.remote_code, caught.value.remote_exit_code) == ("name-taken", 4)
    assert not is_answered(path)
    assert not any(tmp_path.iterdir())


async def test_another_user_is_not_heard(tmp_path):
    async with running(tmp_path, uid=os.getuid() + 1) as (_system, node, path):
        with pytest.raises(DaemonNotRunning, match="without an answer"):
            await ask(path, "GET", "/v1/id")
        assert node.calls == []


async def test_the_api_comes_back_after_a_crash(tmp_path):
    async with running(tmp_path) as (system, _node, path):
        before = await ask(path, "GET", "/v1/id")
        system.ref("node/control").crash(RuntimeError("boom"))
        await until(lambda: whole(system).children[0].incarnation == 2 and is_answered(path))
        assert await ask(path, "GET", "/v1/id") == before
        tree = whole(system)
        (control,) = tree.children
        assert (control.path, control.restarts) == ("node/control", 1)
        assert "boom" in control.last_exit
        assert tree.restarts == 0


async def test_one_connection_too_many_is_reset(tmp_path):
    async with running(tmp_path, limits=ControlLimits(connections=2)) as (system, _node, path):
        quiet = whole(system).children[0].workers
        async with await trio.open_unix_socket(path), await trio.open_unix_socket(path):
            with pytest.raises(DaemonNotRunning, match="without an answer"):
                await ask(path, "GET", "/v1/id")
        await until(lambda: whole(system).children[0].workers == quiet)
        assert (await ask(path, "GET", "/v1/id"))["peer_id"] == PEER


async def test_crashes_are_logged_with_their_cause(tmp_path):
    with structlog.testing.capture_logs() as records:
        async with running(tmp_path) as (system, _node, _path):
            system.observe(log_event)
            system.ref("node/control").crash(RuntimeError("boom"))
            await until(lambda: any(record["event"] == "an actor was restarted" for record in records))
    (crash,) = [record for record in records if record["event"] == "an actor crashed"]
    assert crash["path"] == "node/control"
    assert isinstance(crash["exc_info"], RuntimeError)
