"""A fake daemon behind a real Unix socket, in a thread, the program run in this process, and homes of owners."""

import io
import json
import os
import socket
import threading

import attrs
import pytest
import trio

from beam_actors.cli import owner_commands
from beam_actors.cli.app import run
from beam_actors.cli.home import POINTER, Home
from beam_actors.control import Control, ControlLimits
from beam_actors.naming.records import Own, put_own
from beam_actors.runtime import ChildSpec, Supervisor, System
from beam_actors.values import Name, UnixAddress
from beam_actors.world.clock import SystemClock
from beam_actors.world.epoll import EpollDriver
from beam_actors.world.home_lock import HomeLock
from tests.cli.owner_home import CHAIN, WORDS, keep
from tests.control.fakes import FakeNode

LIMITS = ControlLimits(status_interval=0.02)


class FakeDaemon:
    """Serves a `FakeNode` for a home until its `stop`."""

    def __init__(self, home):
        self.home = home
        self.node = FakeNode()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._serve,))

    def crash_control(self):
        crash = self._system.ref("node/control").crash
        trio.from_thread.run_sync(crash, RuntimeError("boom"), trio_token=self.token)

    async def _serve(self):
        self.token = trio.lowlevel.current_trio_token()
        clock = SystemClock()
        path = f"{self.home.path}/c.sock"

        def make():
            return Control(
                self.node,
                UnixAddress(path),
                driver=lambda: EpollDriver(clock),
                clock=clock,
                uid=os.getuid(),
                limits=LIMITS,
            )

        with HomeLock(self.home.path):
            system = self._system = System("node", clock=clock.monotonic)
            async with system.run(ChildSpec("node", lambda: Supervisor([ChildSpec("control", make)]))):
                self.home.file(POINTER).write_text(path)
                self._ready.set()
                while not self.node.stopped:
                    await trio.sleep(0.01)

    def start(self):
        self._thread.start()
        assert self._ready.wait(10)

    def join(self):
        self._thread.join()

    def stop(self):
        self.node.stopped = True
        self._thread.join(10)
        assert not self._thread.is_alive()


@attrs.frozen
class Done:
    """What a command left."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The platform's home, as far as this process goes; another one finds it by BEAM_HOME."""
    home = Home(tmp_path / "home")
    monkeypatch.delenv("BEAM_HOME", raising=False)
    monkeypatch.setattr("platformdirs.user_data_dir", lambda _name: str(home.path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    home.prepare()
    return home


@pytest.fixture
def daemon(home):
    daemon = FakeDaemon(home)
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture
def node(daemon):
    return daemon.node


@pytest.fixture
def beam(home, capsys):
    """Run the program with arguments and return what it left."""

    def call(*arguments):
        capsys.readouterr()
        exit_code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(exit_code, captured.out, captured.err)

    return call


@pytest.fixture
def listening():
    """A local port with something behind it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def unused():
    """A local port with nothing behind it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


# --- owners ---


class Terminal(io.StringIO):
    """What a person types, after `before` happened elsewhere."""

    def __init__(self, text, before):
        super().__init__(text)
        self.before = before

    def isatty(self):
        return True

    def readline(self, size=-1):
        self.before()
        return super().readline(size)


@pytest.fixture
def phrase_file(tmp_path):
    """A file with the recovery phrase of `owner_home.CHAIN`."""
    path = tmp_path / "words"
    path.write_text(WORDS + "\n")
    return path


@pytest.fixture
def answers(monkeypatch):
    """Have a person at a terminal who types this."""

    def type_in(text, before=lambda: None):
        monkeypatch.setattr(owner_commands, "is_terminal", lambda: True)
        monkeypatch.setattr("sys.stdin", Terminal(text, before))

    return type_in


@pytest.fixture
def owner_of_cottage(home, beam, phrase_file):
    """The home is that owner's, who holds one name."""
    assert beam("recover", "--phrase-file", phrase_file).exit_code == 0
    keep(home, put_own(Own(Name("cottage"), 1, CHAIN.owner_id)))
