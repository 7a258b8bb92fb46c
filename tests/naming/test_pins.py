from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.claim import Kind
from beam_actors.naming.pins import Pin, follow
from beam_actors.naming.registry import Registry
from beam_actors.values import Name
from tests.naming.builders import NOW, claim, owner_id, pool, revocation

ALICE = Name("alice")
PIN = Pin(ALICE, owner_id(0), NOW)


def known(*claims) -> Registry:
    registry = Registry()
    registry.merge_all(claims)
    return registry


def test_a_pin_follows_what_its_owner_says():
    one = claim(0, seq=3)
    assert follow(PIN, known(one)).order == one.order
    assert follow(follow(PIN, known(one)), known(claim(0, seq=1, era=1))).era == 1
    assert follow(PIN, known(claim(1))) == PIN
    assert follow(PIN, known(revocation(0))) == PIN


def test_a_pin_never_goes_back():
    raised = follow(PIN, known(claim(0, seq=3)))
    assert follow(raised, known(claim(0, seq=2))) == raised
    assert not raised.accepts(claim(0, seq=2))
    assert raised.accepts(claim(0, seq=3))
    assert not raised.accepts(claim(1, seq=4))


def test_a_pin_follows_a_transfer_that_opens_an_era():
    transfer = claim(0, era=1, seq=1, kind=Kind.TRANSFER, to=1)
    theirs = claim(1, inherits=transfer.id)
    assert follow(PIN, known(transfer, theirs)).owner == owner_id(1)
    waiting = follow(PIN, known(transfer))
    assert waiting.owner == owner_id(0)  # the new owner is not heard of yet
    moved = follow(waiting, known(transfer, theirs))
    assert (moved.owner, moved.mark, moved.since) == (owner_id(1), theirs.id, PIN.since)


def test_a_machines_key_cannot_transfer_a_pinned_name():
    raised = follow(PIN, known(claim(0, era=1, seq=1)))
    stolen = claim(0, era=1, seq=2, kind=Kind.TRANSFER, to=1)
    after = follow(raised, known(stolen, claim(1)))
    assert after.owner == owner_id(0)
    for _ in range(3):
        after = follow(after, known(stolen, claim(1)))
    assert after == raised


def test_transfers_in_a_circle_end():
    one = claim(0, era=1, kind=Kind.TRANSFER, to=1)
    other = claim(1, era=1, kind=Kind.TRANSFER, to=0)
    assert follow(PIN, known(one, other)).owner in {owner_id(0), owner_id(1)}


@given(st.lists(st.sampled_from(pool()), max_size=20))
def test_a_pin_moves_only_by_its_owners_signature(some):
    registry, pin = Registry(), PIN
    for one in some:
        registry.merge(one)
        after = follow(pin, registry)
        if after.owner != pin.owner:
            assert any(
                one.kind is Kind.TRANSFER and one.owner == pin.owner and (one.era > pin.era or one.id == pin.mark)
                for one in registry
            )
        else:
            assert after.order >= pin.order
        pin = after
