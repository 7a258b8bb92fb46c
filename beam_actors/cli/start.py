"""The daemon's process: the real world composed into a node's ports, its log, its signals and its end.

The only module that chooses the real world. It owns the order of a start (home, lock, log, socket's place, node) and
of an end (the node stops in order, then the pointer goes, then the lock), and turns every failure into one sentence.
"""

import os
import resource
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import attrs
import structlog
import trio

from beam_actors import __version__
from beam_actors.cli.home import DATABASE, LIMITS, LOG, PHRASE, POINTER, READY, Home, clear_stale_socket, find_home
from beam_actors.cli.log_file import LogFile, configure_logging
from beam_actors.cli.options import OFF, StartOptions
from beam_actors.cli.output import Output, OutputLost
from beam_actors.control import Identity, NodeApi, Status
from beam_actors.errors import (
    AddressInUse,
    AddressNotPermitted,
    BeamError,
    HomeInUse,
    StartFailed,
    StorageError,
    StoreDamaged,
    UsageError,
)
from beam_actors.node import Bind, NodeConfig, NodeLimits, NodePorts, parse_limits, run_node
from beam_actors.values import Multiaddr, TcpAddress, UnixAddress
from beam_actors.world.clock import SystemClock
from beam_actors.world.compute import ThreadCompute
from beam_actors.world.entropy import OsEntropy
from beam_actors.world.epoll import EpollDriver
from beam_actors.world.files import HomeFiles
from beam_actors.world.heap import keep_freed
from beam_actors.world.home_lock import HomeLock
from beam_actors.world.host import Host
from beam_actors.world.interfaces import interface_addresses
from beam_actors.world.polling import poll
from beam_actors.world.store import SqliteStore
from beam_actors.world.tls import OpenSslTls

_WANTED_FILES = 65536
_KEPT_HEAP = 4 << 20  # several flushes of a session and what is read for them
_RESERVED_FILES = 128
_LOCK_SECONDS = 0.3
_LOOK_SECONDS = 2.0
_log = structlog.get_logger()


class DaemonCrashed(BeamError):
    """The daemon met an error that nobody foresaw; the report is in the log."""

    code = "daemon-crashed"


def run_daemon(home: Home, options: StartOptions, secret: str | None, out: Output, console: int | None = None) -> None:
    """Run the daemon of `home` until it is stopped; raises `BeamError` when it cannot start or crashed.

    `console` is a descriptor to print to once it is ready: until then a parent hears what is printed.
    """
    os.umask(0o077)
    keep_freed(_KEPT_HEAP)
    home.prepare()
    home.check_free()
    limits = read_limits(home)
    clock = SystemClock()
    host = Host()  # its thread waits in the pump's sockets, not in trio
    on_point = None if options.kill_at is None else _killer(options.kill_at)
    with _lock(home) as lock, HomeFiles(home.path, on_point=on_point) as files:
        log = LogFile(home.file(LOG))
        configure_logging(log, clock)
        files.remove(POINTER)
        socket_path = home.choose_socket(os.environ)
        clear_stale_socket(socket_path)
        descriptors = _raise_file_limit()
        ports = NodePorts(
            clock=clock,
            entropy=OsEntropy(),
            compute=ThreadCompute(),
            files=files,
            tls=OpenSslTls(),
            driver=lambda: EpollDriver(clock, descriptors=descriptors, host=host),
            control_driver=lambda: EpollDriver(clock, descriptors=descriptors),
            store=lambda: SqliteStore.open(home.file(DATABASE), on_point=on_point),
            cpu_clock=time.thread_time,
            interfaces=interface_addresses,
            descriptors=descriptors,
            uid=os.getuid(),
            step_clock=clock.monotonic,
        )
        new_owner = not home.file(PHRASE).exists()
        other_home = home.path != find_home(None, {}).path
        config = attrs.evolve(node_config(options, socket_path, secret, limits), other_home=other_home)

        async def on_ready(api: NodeApi) -> None:
            seen = await _look(api)
            # Before the pointer: who starts it in the background finds the notes in the console once it answers.
            for note in replaced_ports(config, *seen) if seen is not None else ():
                out.note(note)
            if new_owner and home.file(PHRASE).exists():
                out.note(phrase_notice(home))
            files.write(POINTER, socket_path.encode() + b"\n")
            _log.info("ready", version=__version__, socket=socket_path)
            out.note(f"{READY} v{__version__} is running (home {home.path}); `beam status` says more.")
            if out.as_json and seen is not None:
                with suppress(OutputLost, BrokenPipeError):  # the daemon serves on, whoever listens
                    out.data({**attrs.asdict(seen[1]), "pid": os.getpid()})
            if console is not None:
                print_to(console)

        try:
            trio.run(_serve, config, ports, on_ready, out.note, lock, clock=host, instruments=[host])
        except BaseException as error:
            explanation = explained(error, home.file(LOG))
            if explanation is None:
                raise
            raise located(explanation, home) from error
        finally:
            files.remove(POINTER)
            _log.info("stopped")
            log.close()


def located(error: BeamError, home: Home) -> BeamError:
    """The same error, with a way on where it was found by who knows none: no file, and no option of `start`."""
    if isinstance(error, AddressInUse | AddressNotPermitted):
        other = (
            "another port (0: any that is free)" if isinstance(error, AddressInUse) else "an address of this machine"
        )
        return type(error)(
            f"{str(error).removesuffix('.')}: choose {other} where `beam start` was given this one (--listen, --dns, "
            "--https or --http), or leave that out."
        )
    if not isinstance(error, StoreDamaged) or str(home.path) in str(error):
        return error
    return StoreDamaged(
        f"{error} It is in the database {home.file(DATABASE)}: move this file and those that begin with its name "
        "aside, and put a backup in its place or start without one. Keys are kept elsewhere, so the names stay yours: "
        "without a backup, register and expose each again."
    )


def print_to(descriptor: int) -> None:
    """Print to the file of the descriptor from now on, and close it."""
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)


def phrase_notice(home: Home) -> str:
    """What a person is told when a new owner's recovery phrase was written."""
    return f"A recovery phrase for your names is in {home.file(PHRASE)}; `beam phrase` shows it. Write it down."


async def _look(api: NodeApi) -> tuple[Identity, Status] | None:
    """What the node says of itself once it runs; None while a part of it restarts, which must not end it."""
    try:
        return await api.id(), await api.status()
    except BeamError:
        return None


def replaced_ports(config: NodeConfig, identity: Identity, status: Status) -> list[str]:
    """What a person is told of the usual ports that were taken, and which serve instead."""
    notes = []
    here = {Multiaddr.parse(address).tcp for address in identity.addresses}
    real = {address.port for address in here if address is not None}
    for wanted in config.listen:
        if wanted.tcp is not None and not config.listen_fixed and wanted.tcp.port not in {0, *real}:
            instead = ", ".join(map(str, sorted(real)))
            notes.append(f"Port {wanted.tcp.port} is taken: peers reach this machine at port {instead} (`beam id`).")
    for what, bind, used in (
        ("DNS", config.dns, status.dns),
        ("HTTPS", config.https, status.https),
        ("HTTP", config.http, status.http),
    ):
        if bind is not None and not bind.fixed and used is not None and str(bind.address) != used:
            notes.append(f"Port {bind.address.port} is taken: {what} is served at {used}.")
    return notes


async def _serve(
    config: NodeConfig,
    ports: NodePorts,
    on_ready: Callable[[NodeApi], Awaitable[None]],
    say: Callable[[str], None],
    lock: HomeLock,
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, nursery.cancel_scope)
        nursery.start_soon(stop_without_home, lock, nursery.cancel_scope)
        await run_node(config, ports, on_ready=on_ready, say=say)
        nursery.cancel_scope.cancel()
    if lock.is_lost():
        raise StorageError("The home was removed under the daemon, or its lock was, so the daemon has ended.")


async def stop_without_home(lock: HomeLock, scope: trio.CancelScope) -> None:
    """Stop the node in order once its home is gone: what it keeps is lost, and no command finds it any more."""
    while not lock.is_lost():  # noqa: ASYNC110 (nothing tells of a removal but a look)
        await trio.sleep(_LOOK_SECONDS)
    _log.error("the home was removed")
    scope.cancel()


async def _stop_on_signal(scope: trio.CancelScope) -> None:
    """The first signal stops the node in order; the second ends the process at once."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            _log.info("stopping", signal=signal.Signals(number).name)
            break
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    scope.cancel()


def _lock(home: Home) -> HomeLock:
    """The home's lock. A look at it (`is_locked`) holds it for an instant, hence a few tries."""
    held: list[HomeLock] = []

    def try_once() -> bool:
        with suppress(HomeInUse):
            held.append(HomeLock(home.path))
        return bool(held)

    return held[0] if poll(try_once, seconds=_LOCK_SECONDS) else HomeLock(home.path)


def read_limits(home: Home) -> NodeLimits:
    """The limits that a person set for this home; raise `UsageError` for a file that is not acceptable."""
    path = home.file(LIMITS)
    try:
        return parse_limits(path.read_text("utf-8"))
    except FileNotFoundError:
        return NodeLimits()
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}.") from error


def node_config(options: StartOptions, socket_path: str, secret: str | None, limits: NodeLimits) -> NodeConfig:
    """A person's options as the node takes them."""
    default = NodeConfig(control=UnixAddress(socket_path))
    return attrs.evolve(
        default,
        passphrase=secret,
        limits=limits,
        network=options.network or default.network,
        network_fixed=options.network is not None,
        listen=tuple(Multiaddr.parse(text) for text in options.listen) or default.listen,
        listen_fixed=bool(options.listen),
        bootstrap=tuple(Multiaddr.parse(text) for text in options.bootstrap),
        dns=_bind(options.dns, default.dns),
        https=_bind(options.https, default.https),
        http=_bind(options.http, default.http),
        mdns=options.mdns,
        chaos=options.chaos,
    )


def _bind(text: str | None, default: Bind | None) -> Bind | None:
    if text is None:
        return default
    return None if text == OFF else Bind(TcpAddress.parse(text), fixed=True)


def _killer(kill_at: str) -> Callable[[str], None]:
    """A hook that kills this process when it reaches `POINT` for the `COUNT`th time, as a loss of power would."""
    point, _, count = kill_at.rpartition(":")
    left = int(count)

    def on_point(reached: str) -> None:
        nonlocal left
        if reached == point:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return on_point


def _raise_file_limit() -> int:
    """Take as many file descriptors as the system lets this process have: each connection needs one or two.

    Returns how many of them are for sockets. The rest is for the database, the log, and for the control API, whose own
    sockets are few, so that a person is heard when strangers hold all that there are.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _WANTED_FILES if soft == resource.RLIM_INFINITY else soft - min(_RESERVED_FILES, soft // 3)


def explained(error: BaseException, log_path: Path) -> BeamError | None:
    """The one sentence behind the end of a daemon, None when somebody interrupted it; crashes go to the log whole."""
    leaf = error
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    if isinstance(leaf, (KeyboardInterrupt, trio.Cancelled, SystemExit)):
        return None
    cause: BaseException | None = leaf
    while isinstance(cause, StartFailed):  # what a child's start failed with says more than that it failed
        leaf, cause = cause, cause.__cause__
    if isinstance(cause, BeamError):
        _log.error("ended", code=cause.code, reason=str(cause))
        return cause
    if isinstance(leaf, BeamError) and cause is None:
        _log.error("ended", code=leaf.code, reason=str(leaf))
        return leaf
    _log.critical("crashed", exc_info=error)
    return DaemonCrashed(f"The daemon crashed ({type(cause or leaf).__name__}); the report is in {log_path}.")
