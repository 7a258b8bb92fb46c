"""Each attacker against one honest node and its friend: what holds whatever they do."""

import pytest

from beam_actors.errors import NameContested
from beam_actors.naming import Claim
from beam_actors.naming.limits import Limits
from simulations.hostile import KINDS
from tests.simulations.hostile.street import NAME, PORT, play


async def stands(one):
    """Nothing crashed, no lie was believed, and the honest go on as if nobody were there."""
    assert one.crashes == []
    assert sum(one.tally.values()) > 0, "the attacker did nothing"
    limits = Limits()
    for node in one.nodes:
        registry = one.registry(node)
        for claim in registry:
            again = Claim.parse(claim.encoded, network="beam")
            assert again.genuine()
            assert again.id == claim.id
        for claim in one.strangers(node):
            if claim.terms.name is not None:
                assert claim.owner in one.signed[claim.name.label]
        for owner in {claim.owner for claim in registry}:
            assert sum(1 for held in registry.held_by(owner) if not held.kind) <= limits.holds_per_owner
        # One more: the own one, or the one that was asked for by its full form.
        assert all(registry.owners_of(name) <= limits.owners_per_name + 1 for name in registry.names)
        found = await node.naming.resolve(f"{NAME}.{one.owner_of(one.owner)}")
        assert found.peers == (one.owner.peers.us,)
        try:
            assert (await node.naming.resolve(NAME)).owner == one.owner_of(one.owner)
        except NameContested:
            assert one.attacker.NAME in {"thief", "mob"}
    assert {door[1:] for door in one.entered} <= {(NAME, PORT), (None, PORT)}
    assert await one.fetch() == b"HELLO"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "corpse"])  # to which nobody comes
def test_the_honest_live_on_beside_it(kind):
    play(kind, stands)


@pytest.mark.parametrize("kind", [kind for kind, attacker in KINDS.items() if attacker.LISTENS])
def test_the_honest_may_be_sent_to_it_first(kind):
    play(kind, stands, known_as="owner" if kind == "impostor" else "itself")
