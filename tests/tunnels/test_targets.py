import pytest

from beam_actors.errors import NotAllowed
from beam_actors.tunnels.targets import check_target
from beam_actors.values import TcpAddress


@pytest.mark.parametrize(
    ("target", "listener"),
    [
        ("127.0.0.1:8443", "127.0.0.1:8443"),
        ("127.0.0.1:8443", "0.0.0.0:8443"),
        ("[::1]:8443", "0.0.0.0:8443"),
        ("192.168.1.5:8443", "[::]:8443"),
        ("[::ffff:127.0.0.1]:8443", "127.0.0.1:8443"),
        ("0.0.0.0:8443", "127.0.0.1:9"),
        ("[::]:8443", "127.0.0.1:9"),
        ("[::ffff:0.0.0.0]:80", "127.0.0.1:9"),
    ],
)
def test_a_tunnel_never_leads_to_a_listener_of_the_daemon(target, listener):
    with pytest.raises(NotAllowed):
        check_target(TcpAddress.parse(target), [TcpAddress.parse(listener)])


@pytest.mark.parametrize(
    ("target", "listener"), [("127.0.0.1:3000", "127.0.0.1:8443"), ("127.0.0.2:8443", "127.0.0.1:8443")]
)
def test_other_services_may_be_offered(target, listener):
    check_target(TcpAddress.parse(target), [TcpAddress.parse(listener)])
