import ipaddress
import socket

from beam_actors.world.interfaces import interface_addresses


def test_every_address_can_be_bound_and_none_is_loopback():
    for text in interface_addresses():
        ip = ipaddress.ip_address(text)
        assert not ip.is_loopback
        assert not ip.is_link_local
        family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((text, 0))


def test_none_is_given_twice_and_ipv4_comes_first():
    found = interface_addresses()
    assert len(set(found)) == len(found)
    versions = [ipaddress.ip_address(text).version for text in found]
    assert versions == sorted(versions)
