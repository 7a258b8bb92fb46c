"""The composition of the daemon's process; whole daemons are driven in tests/e2e."""

from pathlib import Path

import attrs
import pytest
import trio

from beam_actors.cli import daemon_commands, options, output, typed
from beam_actors.cli import home as homes
from beam_actors.cli.options import StartOptions
from beam_actors.cli.start import (
    DaemonCrashed,
    explained,
    located,
    node_config,
    read_limits,
    replaced_ports,
    stop_without_home,
)
from beam_actors.control import Identity, Status, fields, http
from beam_actors.errors import (
    AddressInUse,
    AddressNotPermitted,
    HomeInUse,
    StartFailed,
    StoreDamaged,
    StoreTooNew,
    UsageError,
)
from beam_actors.identity import keystore
from beam_actors.naming import grammar, terms
from beam_actors.node import Bind, NodeLimits, keys
from beam_actors.values import Multiaddr, TcpAddress
from beam_actors.world import control_client
from beam_actors.world.home_lock import HomeLock

LOG = Path("/home/x/beam.log")
PEER = "/ip4/192.0.2.1/tcp/4747/p2p/12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"


def caused(error, cause):
    error.__cause__ = cause
    return error


def test_options_reach_the_node_typed():
    chosen = StartOptions(
        listen=("/ip4/127.0.0.1/tcp/0",), bootstrap=(PEER,), dns="127.0.0.1:0", http="off", network="test", chaos=True
    )
    config = node_config(chosen, "/tmp/x.sock", "secret", NodeLimits())
    assert config.control.path == "/tmp/x.sock"
    assert config.listen == (Multiaddr.parse("/ip4/127.0.0.1/tcp/0"),)
    assert config.listen_fixed
    assert config.bootstrap == (Multiaddr.parse(PEER),)
    assert config.dns == Bind(TcpAddress("127.0.0.1", 0), fixed=True)
    assert config.http is None
    assert (config.network, config.network_fixed, config.chaos, config.passphrase) == ("test", True, True, "secret")
    plain = node_config(StartOptions(), "/tmp/x.sock", None, NodeLimits())
    assert (plain.network, plain.network_fixed) == ("beam", False)
    assert "secret" not in repr(config)


def test_limits_are_read_from_the_home(tmp_path):
    home, file = homes.Home(tmp_path), tmp_path / "limits.toml"
    assert read_limits(home) == NodeLimits()
    file.write_text("[peers]\nsessions = 7\n")
    assert read_limits(home).peers.sessions == 7
    file.write_text("[peers]\nsessions = -7\n")
    with pytest.raises(UsageError, match=rf"{file}: The limit peers\.sessions is greater than 0"):
        read_limits(home)
    file.write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"limits\.toml can't be read"):
        read_limits(home)


def test_without_options_the_node_chooses():
    config = node_config(StartOptions(), "/tmp/x.sock", None, NodeLimits())
    assert not config.listen_fixed
    assert config.listen
    assert config.https is not None
    assert not config.https.fixed


IDENTITY = Identity(peer_id="p", owner="o", addresses=(PEER, PEER.replace("192.0.2.1", "127.0.0.1")))
STATUS = Status(
    peer_id="p",
    peers=0,
    reachability="unknown",
    tunnels=0,
    names=0,
    dns="127.0.0.1:5354",
    https="127.0.0.1:8443",
    http="127.0.0.1:8480",
    uptime_s=0.1,
    network="beam",
    suffix="local",
)


def test_a_port_that_was_taken_is_told_with_what_serves_instead():
    usual = node_config(StartOptions(), "/tmp/x.sock", None, NodeLimits())
    assert replaced_ports(usual, IDENTITY, STATUS) == []
    elsewhere = attrs.evolve(IDENTITY, addresses=tuple(text.replace("4747", "40001") for text in IDENTITY.addresses))
    assert replaced_ports(usual, elsewhere, attrs.evolve(STATUS, https="127.0.0.1:40002", http=None)) == [
        "Port 4747 is taken: peers reach this machine at port 40001 (`beam id`).",
        "Port 8443 is taken: HTTPS is served at 127.0.0.1:40002.",
    ]


def test_a_port_that_a_person_chose_is_not_called_taken():
    chosen = StartOptions(listen=("/ip4/127.0.0.1/tcp/0",), dns="127.0.0.1:0", https="off", http="127.0.0.1:0")
    assert replaced_ports(node_config(chosen, "/tmp/x.sock", None, NodeLimits()), IDENTITY, STATUS) == []


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (homes.PHRASE, keys.PHRASE),
        (homes.DATABASE, keys.DATABASE),
        (daemon_commands._MAX_PASSPHRASE, keystore.MAX_PASSPHRASE),
        (options._MAX_NETWORK, terms.MAX_NETWORK),
        (output.SCHEMA, fields.SCHEMA),
        (control_client.HOST, http.HOST),
        (set(typed.SUFFIXES), set(grammar.DEFAULT_SUFFIXES)),
    ],
)
def test_what_quick_modules_repeat_is_the_same_in_the_daemon(here, there):
    assert here == there


def test_an_expected_error_is_its_own_explanation():
    error = StoreTooNew("Newer.")
    assert explained(error, LOG) is error
    assert explained(ExceptionGroup("", [ExceptionGroup("", [error])]), LOG) is error


def test_a_failed_start_is_explained_by_its_cause():
    cause = HomeInUse("Held.")
    assert explained(caused(StartFailed("outer"), caused(StartFailed("inner"), cause)), LOG) is cause


def test_a_failed_start_of_unknown_cause_is_a_crash():
    explanation = explained(caused(StartFailed("outer"), ZeroDivisionError("detail")), LOG)
    assert isinstance(explanation, DaemonCrashed)
    assert "ZeroDivisionError" in str(explanation)
    assert str(LOG) in str(explanation)
    assert "detail" not in str(explanation)


def test_damage_in_the_database_is_located():
    home = homes.Home(Path("/home/x"))
    said = str(located(StoreDamaged("A record of names in the store can't be read: x."), home))
    assert "/home/x/beam.sqlite" in said
    assert "without a backup, register and expose each again" in said
    for error in (StoreDamaged("/home/x/ca-root.pem is damaged."), HomeInUse("Held.")):
        assert located(error, home) is error


@pytest.mark.parametrize(
    ("error", "way"),
    [(AddressInUse, "another port (0: any that is free)"), (AddressNotPermitted, "an address of this")],
)
def test_an_address_that_a_person_chose_and_can_not_be_had_comes_with_a_way_on(error, way):
    said = located(error("Listening at 127.0.0.1:80 failed: no."), homes.Home(Path("/home/x")))
    assert type(said) is error
    assert str(said).startswith(f"Listening at 127.0.0.1:80 failed: no: choose {way}")
    assert str(said).endswith("(--listen, --dns, --https or --http), or leave that out.")


def test_a_bug_is_a_crash_with_a_report():
    assert isinstance(explained(ZeroDivisionError(), LOG), DaemonCrashed)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interruption_is_passed_on(error):
    assert explained(error, LOG) is None
    assert explained(BaseExceptionGroup("", [error]), LOG) is None


async def test_a_daemon_ends_once_its_home_is_gone(tmp_path, autojump_clock):
    with HomeLock(tmp_path) as lock, trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop_without_home, lock, scope)
            await trio.sleep(60)
            assert not scope.cancel_called
            (tmp_path / "lock").unlink()
            await trio.sleep(60)
    assert scope.cancelled_caught
