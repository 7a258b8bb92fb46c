import pytest

from beam_actors.errors import InvalidValue, UsageError
from beam_actors.values import EVERYONE, MAX_PEERS, Access, PeerId

ALICE, BOB = (PeerId(bytes([n]) * 32) for n in (1, 2))


def test_everyone_permits_all_and_a_list_only_its_peers():
    assert EVERYONE.permits(ALICE)
    only = Access.parse([str(ALICE)], port=9000)
    assert only.permits(ALICE)
    assert not only.permits(BOB)


def test_http_is_open_to_everyone_unless_peers_are_named():
    assert Access.parse([], port=None) == EVERYONE
    assert Access.parse([str(ALICE)], port=None) == Access(frozenset({ALICE}))


def test_nobody_is_permitted_by_an_empty_set():
    assert not Access(frozenset()).permits(ALICE)


def test_the_words_of_a_rule_read_back():
    for access in (EVERYONE, Access(frozenset({ALICE, BOB}))):
        assert Access.parse(access.words, port=9000) == access


MANY = [PeerId(bytes([n]) * 32) for n in range(MAX_PEERS + 1)]


@pytest.mark.parametrize(
    "words", [[], ["everyone", str(ALICE)], ["nobody"], [str(ALICE)[:-1]], ["Everyone"], list(map(str, MANY))]
)
def test_a_rule_that_is_unclear_is_refused(words):
    with pytest.raises((UsageError, InvalidValue)):
        Access.parse(words, port=9000)


def test_naming_a_peer_twice_is_naming_it_once():
    assert Access.parse([str(ALICE)] * (MAX_PEERS + 1), port=9000) == Access(frozenset({ALICE}))
    assert Access.parse(["everyone", "everyone"], port=9000) == EVERYONE


def test_no_rule_names_more_peers_than_can_be_stored():
    assert len(Access(frozenset(MANY[:MAX_PEERS])).words) == MAX_PEERS
    with pytest.raises(UsageError, match="at most 64 peers"):
        Access(frozenset(MANY))
