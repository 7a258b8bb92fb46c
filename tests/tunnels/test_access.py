import pytest

from beam_actors.errors import InvalidValue, NotAllowed, UsageError
from beam_actors.tunnels.access import EVERYONE, MAX_PEERS, Access, check_target
from beam_actors.values import PeerId, TcpAddress

ALICE, BOB = (PeerId(bytes([n]) * 32) for n in (1, 2))


def test_everyone_permits_all_and_a_list_only_its_peers():
    assert EVERYONE.permits(ALICE)
    only = Access.parse([str(ALICE)])
    assert only.permits(ALICE)
    assert not only.permits(BOB)


def test_nobody_is_permitted_by_an_empty_set():
    assert not Access(frozenset()).permits(ALICE)


def test_the_words_of_a_rule_read_back():
    for access in (EVERYONE, Access(frozenset({ALICE, BOB}))):
        assert Access.parse(access.words) == access


MANY = [PeerId(bytes([n]) * 32) for n in range(MAX_PEERS + 1)]


@pytest.mark.parametrize(
    "words", [[], ["everyone", str(ALICE)], ["nobody"], [str(ALICE)[:-1]], ["Everyone"], list(map(str, MANY))]
)
def test_a_rule_that_is_unclear_is_refused(words):
    with pytest.raises((UsageError, InvalidValue)):
        Access.parse(words)


def test_naming_a_peer_twice_is_naming_it_once():
    assert Access.parse([str(ALICE)] * (MAX_PEERS + 1)) == Access(frozenset({ALICE}))
    assert Access.parse(["everyone", "everyone"]) == EVERYONE


def test_no_rule_names_more_peers_than_can_be_stored():
    assert len(Access(frozenset(MANY[:MAX_PEERS])).words) == MAX_PEERS
    with pytest.raises(UsageError, match="at most 64 peers"):
        Access(frozenset(MANY))


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
