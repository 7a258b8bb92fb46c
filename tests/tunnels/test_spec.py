import pytest

from beam_actors.errors import UsageError
from beam_actors.tunnels.access import EVERYONE, Access
from beam_actors.tunnels.spec import ForwardSpec, TunnelSpec, forward_key, parse_target
from beam_actors.values import PeerId, TcpAddress

ALICE = PeerId(bytes([1]) * 32)


def test_an_http_tunnel_is_open_to_everyone_unless_somebody_is_named():
    assert TunnelSpec.offer("3000").access == EVERYONE
    assert TunnelSpec.offer("3000", allow=(str(ALICE),)).access == Access(frozenset({ALICE}))


def test_a_raw_port_must_say_who():
    with pytest.raises(UsageError, match="--allow"):
        TunnelSpec.offer("5432", port=5432)
    assert TunnelSpec.offer("5432", port=5432, allow=("everyone",)).ports == (5432,)


@pytest.mark.parametrize(
    ("text", "target"),
    [("3000", "127.0.0.1:3000"), ("localhost:3000", "127.0.0.1:3000"), ("[::1]:3000", "[::1]:3000")],
)
def test_a_port_alone_means_this_machine(text, target):
    assert str(parse_target(text)) == target


@pytest.mark.parametrize("text", ["", "0", "70000", "example.com:80", "-1", "3000 ", "127.0.0.1:", ":80", "1.2.3.4:0"])
def test_what_is_no_target_is_refused(text):
    with pytest.raises(UsageError):
        parse_target(text)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port):
    with pytest.raises(UsageError):
        TunnelSpec(target=TcpAddress("127.0.0.1", 1), port=port)
    with pytest.raises(UsageError):
        ForwardSpec(destination="web", port=port, listen=TcpAddress("127.0.0.1", 1))


def test_a_key_says_what_is_served():
    assert TunnelSpec.offer("3000", name="Web").key == "web.http"
    assert TunnelSpec.offer("5432", port=5432, allow=("everyone",)).key == "_.5432"
    assert forward_key(TcpAddress("::1", 80)) == "--1.80"
