import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.peers.claims import Contact, acceptable
from beam_actors.values import Multiaddr, TcpAddress

FAR, NEAR, CABLE, HERE = "203.0.113.9", "192.168.1.7", "169.254.3.4", "127.0.0.1"


DOCUMENTATION = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001::/23", "2001:db8::/32", "3fff::/20")
]
"""Networks that lead nowhere, and stand for the whole world in tests; with them what tunnels and identifiers use."""


def at(ip, port=4747):
    return Multiaddr.from_address(TcpAddress(ip, port))


def met(remote, local=None):
    return Contact(remote=TcpAddress(remote, 50000), local=None if local is None else TcpAddress(local, 4747))


def accepted(ip, remote, local=None):
    return acceptable(at(ip), met(remote, local))


@pytest.mark.parametrize(
    ("ip", "narrowest"),
    [
        ("198.51.100.1", FAR),
        ("2001:4860::1", FAR),
        ("2002:c633:6401::1", FAR),
        ("10.0.0.1", NEAR),
        ("172.31.0.1", NEAR),
        ("192.168.1.1", NEAR),
        ("100.64.0.1", NEAR),
        ("fc00::1", NEAR),
        ("fec0::1", NEAR),
        ("169.254.169.254", CABLE),
        ("fe80::1", CABLE),
        ("127.0.0.1", HERE),
        ("127.9.9.9", HERE),
        ("::1", HERE),
    ],
)
def test_an_address_may_be_claimed_from_its_own_place_and_from_narrower_ones(ip, narrowest):
    order = [FAR, NEAR, CABLE, HERE]
    for remote in order:
        assert accepted(ip, remote) == (order.index(remote) >= order.index(narrowest)), remote


@pytest.mark.parametrize(
    "ip",
    [
        "0.0.0.0",
        "0.0.0.1",
        "0.1.2.3",
        "192.0.0.8",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:198.51.100.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "2002:a9fe:a9fe::",
        "2001:0:c633:6401::f5ff:fffe",  # Teredo whose client is 10.0.0.1
        "2001:0:7f00:1::39cc:9bfe",
        "100::1",
        "ff02::1",
    ],
)
def test_where_nobody_can_be_nobody_may_claim_to_be(ip):
    for remote in (FAR, NEAR, CABLE, HERE, "::1"):
        assert not accepted(ip, remote), remote


def test_what_cannot_be_dialled_is_refused():
    assert not acceptable(at("198.51.100.1", 0), met(HERE))
    assert not acceptable(Multiaddr.parse("/dns4/example.com/tcp/80"), met(HERE))


def test_one_of_whom_nobody_knows_where_it_is_counts_as_far():
    nowhere = Contact(remote=None, local=None)
    assert acceptable(at("198.51.100.1"), nowhere)
    assert not acceptable(at("192.168.1.1"), nowhere)


def test_one_that_a_socket_for_both_families_shows_is_where_its_older_address_is():
    assert accepted("10.0.0.1", "::ffff:192.168.1.7")
    assert not accepted("10.0.0.1", "::ffff:203.0.113.9")


def test_our_own_addresses_are_nobody_elses():
    ours = [at("198.51.100.1"), at("127.0.0.1")]
    assert not acceptable(at("198.51.100.1"), met(FAR), ours)
    assert not acceptable(at("127.0.0.1"), met(HERE), ours)
    assert acceptable(at("127.0.0.1", 4748), met(HERE), ours)


def test_another_port_of_this_machine_is_claimed_by_one_who_is_on_it():
    assert not accepted("192.168.1.5", NEAR, "192.168.1.5")
    assert accepted("192.168.1.5", "192.168.1.5", "192.168.1.5")
    assert accepted("192.168.1.5", HERE, "192.168.1.5")
    assert not accepted("198.51.100.1", FAR, "198.51.100.1")


@given(st.ip_addresses(), st.sampled_from([FAR, "2001:4860::9"]))
def test_from_afar_nothing_is_accepted_that_is_not_of_the_whole_world(ip, remote):
    if accepted(str(ip), remote):
        assert ip.is_global or any(ip in network for network in DOCUMENTATION)
