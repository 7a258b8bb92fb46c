import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.values import TcpAddress, UnixAddress, check_port

ips = st.ip_addresses().map(str)
ports = st.integers(0, 65535)


@given(ips, ports)
def test_round_trip(ip, port):
    address = TcpAddress(ip, port)
    assert TcpAddress.parse(str(address)) == address
    assert address.is_loopback == ipaddress.ip_address(ip).is_loopback


def test_spellings():
    assert TcpAddress.parse("localhost:80") == TcpAddress("127.0.0.1", 80)
    assert TcpAddress.parse("[::1]:80") == TcpAddress("0:0:0:0:0:0:0:1", 80)
    assert str(TcpAddress("::1", 80)) == "[::1]:80"
    assert TcpAddress("::", 1).is_wildcard
    assert TcpAddress("0.0.0.0", 1).is_wildcard
    assert not TcpAddress("10.0.0.1", 1).is_wildcard
    assert TcpAddress("127.77.3.4", 1).is_loopback


@pytest.mark.parametrize(
    "text",
    [
        "",
        "80",
        ":80",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1: 1",
        "127.0.0.1:٣",
        "127.0.0.1:000080",
        "host:80",
        "127.1:80",
        "01.2.3.4:80",
        "::1:80",
        "[::1:80",
        "[127.0.0.1]:80",
    ],
)
def test_refused(text):
    with pytest.raises(InvalidValue):
        TcpAddress.parse(text)


@pytest.mark.parametrize("port", [-1, 65536])
def test_ports(port):
    with pytest.raises(InvalidValue):
        check_port(port)
    with pytest.raises(InvalidValue):
        TcpAddress("127.0.0.1", port)


def test_unix_paths():
    assert str(UnixAddress("/run/x")) == "unix:/run/x"
    assert UnixAddress("a" * 100)
    for path in ("", "a" * 101, "é" * 51, "a\0b", "a\udcff"):
        with pytest.raises(InvalidValue):
            UnixAddress(path)
