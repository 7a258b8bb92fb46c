import pytest

from beam_actors.errors import UsageError
from beam_actors.tunnels.spec import ForwardSpec, TunnelSpec, forward_key
from beam_actors.values import EVERYONE, Access, PeerId, TcpAddress
from tests.tunnels.lab import offer

ALICE = PeerId(bytes([1]) * 32)


def test_an_http_tunnel_is_open_to_everyone_unless_somebody_is_named():
    assert offer(3000).access == EVERYONE
    assert offer(3000, allow=(str(ALICE),)).access == Access(frozenset({ALICE}))


def test_a_raw_port_must_say_who():
    with pytest.raises(UsageError, match="--allow"):
        offer(5432, port=5432)
    assert offer(5432, port=5432, allow=("everyone",)).ports == (5432,)


@pytest.mark.parametrize("target", ["127.0.0.1:0", "0.0.0.0:80", "[::]:80"])
def test_what_is_no_target_is_refused(target):
    with pytest.raises(UsageError, match="give its port"):
        offer(target)


@pytest.mark.parametrize(
    "target",
    [
        "224.0.0.1:80",
        "239.255.255.250:1900",
        "240.0.0.1:80",
        "255.255.255.255:80",
        "0.0.0.1:80",
        "[ff02::1]:80",
        "[::ffff:224.0.0.1]:80",
        "[::ffff:0.1.2.3]:80",
    ],
)
def test_a_target_at_which_nothing_can_ever_listen_is_refused(target):
    with pytest.raises(UsageError, match="no machine's address"):
        offer(target)


@pytest.mark.parametrize(
    "target", ["127.0.0.1:1", "10.1.2.3:80", "169.254.0.9:80", "[::1]:80", "[fe80::1]:80", "[2001:db8::1]:80"]
)
def test_the_address_of_a_machine_is_a_target(target):
    assert str(offer(target).target) == target


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port):
    with pytest.raises(UsageError):
        TunnelSpec(target=TcpAddress("127.0.0.1", 1), port=port)
    with pytest.raises(UsageError):
        ForwardSpec(destination="web", port=port, listen=TcpAddress("127.0.0.1", 1))


def test_a_key_says_what_is_served():
    assert offer(3000, name="web").key == "web.http"
    assert offer(5432, port=5432, allow=("everyone",)).key == "_.5432"


def test_a_forward_s_key_is_no_address_and_begins_with_no_dash():
    assert forward_key(TcpAddress("127.0.0.1", 8080)) == "forward.8080"
    assert forward_key(TcpAddress("0.0.0.0", 80)) == "forward.80.0-0-0-0"
    assert forward_key(TcpAddress("::1", 80)) == "forward.80.--1"
