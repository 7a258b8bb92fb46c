import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ClaimRefused
from beam_actors.naming.claim import Kind
from beam_actors.naming.terms import network_of, read_peers, read_terms
from tests.naming.builders import NETWORK, claim, pool, revocation


@given(st.sampled_from(pool()))
def test_what_is_read_from_a_body_is_what_was_written(one):
    terms = read_terms(one.body, NETWORK)
    assert terms.encode() == one.body
    assert read_peers(one.body) == terms.peers
    assert network_of(one.body) == terms.network == NETWORK


@pytest.mark.parametrize("size", [1, 23, 24, 32])
def test_a_network_of_each_size_is_found_in_its_place(size):
    network = "n" * size
    one = claim(network=network)
    assert network_of(one.body) == network
    assert read_terms(one.body, network).network == network
    with pytest.raises(ClaimRefused) as refused:
        read_terms(one.body, "other")
    assert refused.value.reason == "network"


def test_a_revocation_has_neither_name_nor_peers():
    terms = read_terms(revocation().body, NETWORK)
    assert (terms.kind, terms.name, read_peers(revocation().body)) == (Kind.REVOCATION, None, ())


def test_what_is_no_body_is_refused():
    for data in (b"", b"rubbish", b"\xa0", claim().body[:-1]):
        with pytest.raises(ClaimRefused) as refused:
            read_terms(data, NETWORK)
        assert refused.value.reason == "form"
