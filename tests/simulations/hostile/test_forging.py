import hashlib

import pytest

from beam_actors.errors import ClaimRefused
from beam_actors.identity import OwnerChain
from beam_actors.naming import Claim, Kind
from beam_actors.values import Name
from simulations.hostile.forging import dialects, forgeries, signed
from tests.naming.builders import NOW, peer

OWNER, THIEF = (OwnerChain(hashlib.sha256(word).digest()).era_key(0) for word in (b"owner", b"thief"))
GENUINE = signed(OWNER, "test", Name("alice"), issued=NOW, peer=peer(0))


def test_a_signed_claim_is_genuine_and_says_what_it_was_given():
    claim = signed(OWNER, "test", Name("alice"), issued=NOW, seq=7, kind=Kind.TOMBSTONE)
    again = Claim.parse(claim.encoded, network="test")
    assert again.genuine()
    assert (again.terms.seq, again.kind, again.peers) == (7, Kind.TOMBSTONE, ())


def test_every_forgery_has_the_form_of_a_claim_of_the_owner_and_no_signature_fits():
    spoilt = [Claim.parse(data, network="test") for data in forgeries(GENUINE, THIEF, peer(1))]
    assert len(spoilt) == 9
    assert {claim.owner for claim in spoilt} == {OWNER.owner_id}
    assert all(claim.id != GENUINE.id for claim in spoilt)
    assert not any(claim.genuine() for claim in spoilt)
    assert {claim.kind for claim in spoilt} == {Kind.LIVE, Kind.TOMBSTONE}


@pytest.mark.parametrize("data", dialects(GENUINE))
def test_a_dialect_is_refused_and_is_not_the_claim(data):
    assert data != GENUINE.encoded
    with pytest.raises(ClaimRefused) as refusal:
        Claim.parse(data, network="test")
    assert refusal.value.reason in {"form", "version", "name"}
